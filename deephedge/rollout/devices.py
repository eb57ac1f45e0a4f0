"""The devices that a batch of paths is spread over: all that there are.

Every path is a function of its number alone, so that each device draws, hedges and judges its own
share; only what is added up over paths, a risk or its gradient, travels between them.
"""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from deephedge.typing import Array, Int, PyTree

AXIS = "path"


def path_mesh() -> Mesh | None:
    """All devices of all processes in a row; `None` where there is one, or one was asked for.

    `jax.default_device(device)` asks for one.
    """
    # JAX makes the attributes of its configuration when it starts.
    chosen = jax.config.jax_default_device  # pyright: ignore[reportAttributeAccessIssue]
    if chosen is not None or jax.device_count() == 1:
        return None
    return jax.make_mesh((jax.device_count(),), (AXIS,), axis_types=(jax.sharding.AxisType.Auto,))


def even(n_paths: int, mesh: Mesh | None) -> int:
    """The least number of paths from `n_paths` on that all devices can share alike."""
    count = 1 if mesh is None else mesh.size
    return count * math.ceil(n_paths / count)


def quick_block(mesh: Mesh | None) -> int:
    """How many paths a device should hedge at once in training.

    A processor is quickest while what it works on stays in its cache; what else there is, where
    there is much of it (how much has been measured on processors alone).
    """
    if jax.default_backend() != "cpu":
        return 131_072
    return 10_000 if mesh is None else 5_000


def each_share(
    run: Callable[[PyTree, Int[Array, " path"]], PyTree],
    tree: PyTree,
    indices: Int[Array, " path"],
    mesh: Mesh | None,
) -> PyTree:
    """`run(tree, indices)` for an equal run of the paths on each device; under jit.

    Nothing travels between the devices before the end: what is differentiated with respect to the
    tree is added up once, not wherever the tree meets the paths.
    """
    if mesh is None:
        return run(tree, indices)
    arrays, rest = eqx.partition(tree, eqx.is_array)

    def share(arrays: PyTree, indices: Int[Array, " path"]) -> PyTree:
        return run(eqx.combine(arrays, rest), indices)

    whole, own = PartitionSpec(), PartitionSpec(AXIS)
    return jax.shard_map(share, mesh=mesh, in_specs=(whole, own), out_specs=own, check_vma=False)(
        arrays, indices
    )


def spread(indices: Int[Array, " path"], mesh: Mesh | None) -> Int[Array, " path"]:
    """Those paths, an equal run of them on each device; under jit."""
    if mesh is None:
        return indices
    return jax.lax.with_sharding_constraint(indices, NamedSharding(mesh, PartitionSpec(AXIS)))


def joined(tree: PyTree, mesh: Mesh | None) -> PyTree:
    """The whole of every array on every device; under jit."""
    if mesh is None:
        return tree
    return jax.lax.with_sharding_constraint(tree, NamedSharding(mesh, PartitionSpec()))


def gathered(tree: PyTree, mesh: Mesh | None) -> PyTree:
    """What is kept of every path: on every process if there are several; under jit."""
    return joined(tree, mesh) if jax.process_count() > 1 else tree


def ordinary(tree: PyTree, mesh: Mesh | None) -> PyTree:
    """Arrays of one device again, as if there were no other; through the host's memory."""
    if mesh is None:
        return tree
    return jax.tree.map(lambda x: jnp.asarray(np.asarray(x)), tree)


def shared(tree: PyTree, mesh: Mesh | None) -> PyTree:
    """Arrays that every process has alike, as arrays of all processes: what jit then takes."""
    if mesh is None or jax.process_count() == 1:
        return tree
    whole = NamedSharding(mesh, PartitionSpec())

    def alike(leaf: Array) -> Array:
        return jax.make_array_from_process_local_data(whole, np.asarray(leaf))

    def share(leaf: object) -> object:
        if not isinstance(leaf, jax.Array) or not leaf.is_fully_addressable:
            return leaf
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            words = alike(jax.random.key_data(leaf))
            return jax.random.wrap_key_data(words, impl=jax.random.key_impl(leaf))
        return alike(leaf)

    return jax.tree.map(share, tree)
