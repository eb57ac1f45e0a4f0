"""A family of problems that differ in some of their numbers, and one policy for all of them."""

import dataclasses
from collections.abc import Sequence
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.numerics.checks import per_asset, real
from deephedge.numerics.draws import AbstractSource, Draws
from deephedge.policies.base import AbstractPolicy
from deephedge.policies.learned.features import Features
from deephedge.risk.base import AbstractRiskMeasure
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.sample import hedged, refuse_weighted
from deephedge.typing import Array, Float, Int, PRNGKeyArray, Scalar

Thing = TypeVar("Thing", bound=eqx.Module)


class Parameter(eqx.Module):
    """A number that the problems of a family differ in, its range, and where it stands.

    Args:
        fields: the fields that hold it, wherever they are in the problem, the measure and the
            policy: "vol" is every field `vol`, "cost.rate" the field `rate` of a field `cost`.
            The parameter's own name if left out.
        log: whether it is drawn evenly in its logarithm.
        shown: whether the policy is told. One that is not told must do well whatever it is.
        low, high: of one number, or of each entry of the field.
    """

    name: str = eqx.field(static=True)
    low: Float[Array, " entry"] = eqx.field(converter=per_asset(real("low")))
    high: Float[Array, " entry"] = eqx.field(converter=per_asset(real("high")))
    fields: tuple[str, ...] = eqx.field(static=True, converter=tuple, default=())
    log: bool = eqx.field(static=True, default=False)
    shown: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        low, high = np.asarray(self.low), np.asarray(self.high)
        if low.shape != high.shape or not np.all(low < high) or (self.log and np.any(low <= 0)):
            raise ValueError(
                f"`{self.name}` must have a `low` below its `high`, both positive with `log`, got "
                f"{low.tolist()} and {high.tolist()}."
            )

    def value(self, share: Float[Array, " entry"]) -> Float[Array, " entry"]:
        """The value at shares of the range from 0 to 1."""
        if self.log:
            return self.low * (self.high / self.low) ** share
        return self.low + share * (self.high - self.low)

    def share(self, value: Float[Array, " entry"]) -> Float[Array, " entry"]:
        """Where a value lies in the range: 0 at `low`, 1 at `high`."""
        if self.log:
            return jnp.log(value / self.low) / jnp.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def stands_at(self, place: str) -> bool:
        """Whether a field is one of those that hold it; trained weights never are."""
        ends = ("." + field for field in self.fields or (self.name,))
        return ".network" not in place and place.endswith(tuple(ends))


class ProblemFamily(eqx.Module):
    r"""Problems that differ in some of their numbers, spread over a box.

    To train on one is to minimise, over the box,

    $$E_\theta\,\rho_\theta(\mathrm{PnL}_\theta)$$

    where each of `n_groups` groups of paths has its own $\theta$, drawn more densely near the
    edges; or, where `n_groups` is `None`,

    $$\rho(\mathrm{PnL}), \qquad \theta \text{ drawn anew, and evenly, for each path:}$$

    the risk then counts not knowing $\theta$. A policy is told what is `shown`: its own fields
    of that name (the volatility of its pricer, its strike) become those of the problem, and its
    features gain the parameters. The dates are stretched to end at the claim's maturity.

    Reference: Lütkebohmert, Schmidt and Sester (2022), Robust deep hedging, for parameters drawn
    and not shown.
    """

    problem: HedgingProblem
    parameters: tuple[Parameter, ...] = eqx.field(converter=tuple)
    n_groups: int | None = eqx.field(static=True, default=32)

    @property
    def times(self) -> Float[Array, " time"]:
        """The dates of the family's own problem."""
        return self.problem.times

    @property
    def size(self) -> int:
        """How many numbers a point of the box has."""
        return sum(parameter.low.shape[0] for parameter in self.parameters)

    @property
    def n_shown(self) -> int:
        """How many of them a policy is told: `n_parameters` of its `create`."""
        return sum(parameter.low.shape[0] for parameter in self.parameters if parameter.shown)

    def point(self, **values: float | Sequence[float]) -> Float[Array, " parameter"]:
        """The point with these values; parameters left out are in the middle of their range."""
        names = {parameter.name for parameter in self.parameters}
        if not values.keys() <= names:
            raise ValueError(f"`point` knows {', '.join(sorted(names))}, got {sorted(values)}.")
        dtype, shares = self.problem.times.dtype, []
        for parameter in self.parameters:
            share = jnp.full_like(parameter.low, 0.5)
            if parameter.name in values:
                value = jnp.asarray(np.broadcast_to(values[parameter.name], share.shape), dtype)
                share = parameter.share(value)
            shares.append(share)
        return jnp.concatenate(shares)

    def own_point(self, risk: AbstractRiskMeasure) -> Float[Array, " parameter"]:
        """Where the family's own `problem`, under a measure, lies in the box."""
        leaves = jax.tree_util.tree_leaves_with_path((self.problem, risk))
        shares = []
        for parameter in self.parameters:
            held = [x for path, x in leaves if parameter.stands_at(_place(path))]
            if not held:
                raise ValueError(f"no field of the problem or the measure is `{parameter.name}`.")
            value = jnp.broadcast_to(jnp.ravel(held[0])[: parameter.low.size], parameter.low.shape)
            shares.append(parameter.share(value))
        return jnp.concatenate(shares)

    def at(self, thing: Thing, point: Float[Array, " parameter"]) -> Thing:
        """A problem, a measure or a policy with the numbers of a point of the box."""
        known = not isinstance(thing, AbstractPolicy)
        ends = np.cumsum([parameter.low.shape[0] for parameter in self.parameters])
        shares = jnp.split(point, ends[:-1])
        told = [(p, x) for p, x in zip(self.parameters, shares, strict=True) if known or p.shown]
        leaves, structure = jax.tree_util.tree_flatten_with_path(thing)
        new = [_told(_place(path), leaf, told) for path, leaf in leaves]
        thing = jax.tree.unflatten(structure, new)
        if isinstance(thing, HedgingProblem):
            stretch = thing.claim.maturity / self.problem.claim.maturity
            return eqx.tree_at(lambda x: x.times, thing, thing.times * stretch)
        return _with_features(thing, told)

    def source(self, draws: Draws, key: PRNGKeyArray, n_paths: int) -> "FamilySource":
        """Draws for training: normals, and where in the box each group lies."""
        problem, (path_key, box_key) = self.problem, jax.random.split(key)
        shape = (problem.n_steps, problem.normals_per_step, problem.times.dtype)
        shift = jax.random.uniform(box_key, (self.size,), problem.times.dtype)
        normals = draws(path_key, n_paths, *shape)
        refuse_weighted(normals)
        return FamilySource(normals, shift)

    def risk(
        self, policy: AbstractPolicy, risk: AbstractRiskMeasure, source: AbstractSource, n: int
    ) -> Scalar:
        """What training minimises, on the first n paths of a source."""
        assert isinstance(source, FamilySource)
        if self.n_groups is None:

            def pnl(index: Int[Array, ""]) -> Scalar:
                point = source.point(index)
                told = self.at(policy, point)
                return hedged(self.at(self.problem, point), told, source(index)).pnl

            return risk(jax.vmap(pnl)(jnp.arange(n)))
        if n % self.n_groups:
            raise ValueError(f"`n_paths` must be a multiple of {self.n_groups} groups, got {n}.")
        each = n // self.n_groups

        def of_group(group: Int[Array, ""]) -> Scalar:
            # Denser near the edges, as Chebyshev's points are: there a fit is worst.
            point = 0.5 - 0.5 * jnp.cos(jnp.pi * source.point(group))
            problem, told = self.at(self.problem, point), self.at(policy, point)
            indices = group * each + jnp.arange(each)
            pnl = jax.vmap(lambda index: hedged(problem, told, source(index)).pnl)(indices)
            return self.at(risk, point)(pnl)

        return jnp.mean(jax.vmap(of_group)(jnp.arange(self.n_groups)))


class FamilySource(AbstractSource):
    """Normals of each path; points that fill the box evenly, by a shifted Kronecker sequence."""

    normals: AbstractSource
    shift: Float[Array, " parameter"]

    def __call__(self, index: Int[Array, ""]) -> Float[Array, "step normal"]:
        return self.normals(index)

    def point(self, index: Int[Array, ""]) -> Float[Array, " parameter"]:
        r"""The fractions of $\text{shift}_j + i\,g^{-j}$ for point i, with $g^{d+1} = g + 1$.

        Reference: Cranley and Patterson (1976) for the random shift.
        """
        size = self.shift.shape[0]
        g = 2.0
        for _ in range(60):
            g = (1.0 + g) ** (1.0 / (size + 1))
        steps = jnp.asarray((1.0 / g) ** np.arange(1, size + 1) % 1.0, self.shift.dtype)
        return (self.shift + index.astype(self.shift.dtype) * steps) % 1.0


Trainable = HedgingProblem | ProblemFamily
"""What a policy can be trained on."""


def source_of(problem: Trainable, draws: Draws, key: PRNGKeyArray, n_paths: int) -> AbstractSource:
    """The draws of one step of training."""
    if isinstance(problem, ProblemFamily):
        return problem.source(draws, key, n_paths)
    return draws(key, n_paths, problem.n_steps, problem.normals_per_step, problem.times.dtype)


def _place(path: tuple) -> str:
    return jax.tree_util.keystr(path)


def _told(place: str, leaf: Array, told: list[tuple[Parameter, Array]]) -> Array:
    for parameter, share in told:
        if parameter.stands_at(place):
            value = parameter.value(share).astype(leaf.dtype)
            return jnp.broadcast_to(value if leaf.ndim else value[0], leaf.shape)
    return leaf


def _with_features(thing: Thing, told: list[tuple[Parameter, Array]]) -> Thing:
    """The features of a learned policy, wherever it has them, with the parameters from -1 to 1."""
    if not told:
        return thing
    shown = 2.0 * jnp.concatenate([share for _, share in told]) - 1.0

    def filled(part: object) -> object:
        # A policy may be told by its own fields alone, a claim or a base, and see no parameters.
        if not isinstance(part, Features) or part.parameters.size == 0:
            return part
        if part.parameters.shape != shown.shape:
            raise ValueError(
                f"`n_parameters` must be the {shown.size} numbers that the family shows, and the "
                f"policy was created with {part.parameters.size}; pass `n_parameters="
                "family.n_shown`, or `shown=False` to a `Parameter` that it is not to be told."
            )
        return dataclasses.replace(part, parameters=shown.astype(part.parameters.dtype))

    return jax.tree.map(filled, thing, is_leaf=lambda x: isinstance(x, Features))
