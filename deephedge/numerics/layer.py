"""A layer of a network, which keeps a batch as the last axis."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from deephedge.typing import Array, Float


def affine(
    weight: Float[Array, "inner outer"], bias: Float[Array, " outer"], x: Float[Array, " inner"]
) -> Float[Array, " outer"]:
    """$W^T x + b$, differentiable any number of times.

    `jax.vmap` makes a batch of `x @ weight + bias` one matrix with a vector a row. Of this it makes
    one with a vector a column: all that a processor then does element by element, here and in the
    gradient, runs along the batch, and not along some tens of units.
    """
    return _product.bind(weight.T, x) + _product.bind(bias[:, None], _ones.bind(x))


def _multiply(matrix: Float[Array, "outer inner"], x: Float[Array, "inner ..."]) -> Array:
    return lax.dot_general(matrix, x, (((1,), (0,)), ((), ())))


def _ones_like(x: Float[Array, "inner ..."]) -> Float[Array, "1 ..."]:
    return jnp.ones((1, *x.shape[1:]), x.dtype)


def _batch_last(x: Array, axis: int) -> tuple[Array, int]:
    last = x.ndim - 1
    if axis != last:
        # Without the barrier the compiler would rather transpose whatever follows.
        x = lax.optimization_barrier(jnp.moveaxis(x, axis, last))
    return x, last


def _product_of_batch(
    operands: tuple[Array, Array], axes: tuple[int | None, int | None]
) -> tuple[Array, int]:
    (matrix, x), (of_matrix, of_x) = operands, axes
    if of_matrix is not None or of_x is None:
        return jax.vmap(_multiply, axes)(matrix, x), 0
    x, last = _batch_last(x, of_x)
    return _product.bind(matrix, x), last


def _slope_of_matrix(cotangent: Array, matrix: object, x: Array) -> Array:
    del matrix
    batch = tuple(range(1, x.ndim))
    return lax.dot_general(cotangent, x, ((batch, batch), ((), ())))


def _slope_of_vector(cotangent: Array, matrix: Array, x: object) -> Array:
    del x
    return _product.bind(matrix.T, cotangent)


def _ones_of_batch(operands: tuple[Array], axes: tuple[int]) -> tuple[Array, int]:
    x, last = _batch_last(operands[0], axes[0])
    return _ones.bind(x), last


def _ones_do_not_move(primals: tuple[Array], tangents: tuple) -> tuple[Array, Array]:
    del tangents
    ones = _ones.bind(*primals)
    return ones, jnp.zeros_like(ones)


def _shape_of(run: Callable[..., Array]) -> Callable[..., ShapedArray]:
    def shape(*inputs: ShapedArray) -> ShapedArray:
        found = jax.eval_shape(run, *inputs)
        return ShapedArray(found.shape, found.dtype)

    return shape


_product, _ones = Primitive("layer_product"), Primitive("layer_ones")
for _primitive, _run, _batched in (
    (_product, _multiply, _product_of_batch),
    (_ones, _ones_like, _ones_of_batch),
):
    _primitive.def_impl(jax.jit(_run))
    _primitive.def_abstract_eval(_shape_of(_run))
    mlir.register_lowering(_primitive, mlir.lower_fun(_run, multiple_results=False))
    batching.primitive_batchers[_primitive] = _batched
ad.defbilinear(_product, _slope_of_matrix, _slope_of_vector)
ad.primitive_jvps[_ones] = _ones_do_not_move
