"""Any claim in any model by a neural network, trained on values and their differentials."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import AbstractModel, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.numerics import safe
from deephedge.numerics.checks import at_least_one
from deephedge.numerics.perceptron import Perceptron, silent_network
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.differential_learning import Normalisation, examples_of, fitted
from deephedge.pricing.pathwise import settled, still
from deephedge.typing import PRNGKeyArray, Scalar


class ValueNetwork(AbstractPricer):
    r"""The value of one claim in one model as a network of the state. Made by `value_network`.

    $$V_t = m_y + s_y\,f_\theta\Bigl(\frac{x - m_x}{s_x}\Bigr), \quad
    x = (\sqrt{T - t},\, S,\, \text{factors},\, \text{progress},\, \text{vol},\, \text{rate})$$

    with the shifts `vol` and `rate` of the model's volatility and interest rate, so that vega and
    rho are derivatives of the network, as delta and gamma are. Smooth, and a few matrix products:
    a Greek costs the same for every claim. At maturity it is the payoff.

    It knows what it was shown: the states that the model's paths meet up to maturity, and shifts
    within the trained ones. Further out it extrapolates without a warning.

    Reference: Huge and Savine (2020), Differential machine learning.
    """

    claim: AbstractClaim
    model: AbstractModel
    network: Perceptron
    normalisation: Normalisation
    vol: Scalar
    rate: Scalar

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        _refuse_another(claim, self.claim)
        tau = claim.tau(now)
        live = tau > 0
        # Double where: the square root of no time left has no slope.
        root = safe.sqrt(jnp.where(live, tau, 1.0))[None]
        shifts = jnp.stack([self.vol, self.rate])
        inputs = jnp.concatenate([root, now.prices, now.factors, now.progress, shifts])
        if inputs.shape != self.normalisation.centre.shape:
            raise ValueError(
                f"`now` must have the state the network was trained on, "
                f"{self.normalisation.centre.shape[0] - 3} numbers, got {inputs.shape[0] - 3}; "
                "pass `now` with the claim's `progress`."
            )
        value = self.normalisation.value(self.network, inputs)
        return jnp.where(live, value, settled(claim, now, still(now, 2)))

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["ValueNetwork", Snapshot]:
        return dataclasses.replace(self, vol=self.vol + vol, rate=self.rate + rate), now

    @classmethod
    def example(cls) -> "ValueNetwork":
        """A typical member, for tests and documentation: briefly trained."""
        return value_network(
            BlackScholes.example(),
            Call.example(),
            key=jax.random.key(0),
            n_samples=512,
            n_steps=1,
            width=8,
            depth=1,
            n_updates=100,
        )


def value_network(
    model: AbstractModel,
    claim: AbstractClaim,
    *,
    key: PRNGKeyArray,
    n_samples: int = 16_384,
    n_steps: int = 20,
    spread: float = 0.1,
    vol_shift: float = 0.02,
    rate_shift: float = 0.01,
    alpha: float = 1.0,
    width: int = 32,
    depth: int = 3,
    n_updates: int = 3000,
    batch_size: int = 512,
    learning_rate: float = 0.03,
) -> ValueNetwork:
    """Train a network on simulated payoffs and on their derivatives by the state.

    Each example is a state that one path of the model meets at a random date, and the discounted
    payoff of another path from there on, with its pathwise derivatives by prices, factors,
    progress, vol and rate: no price is ever computed. See `examples_of` and `fitted`.

    Pathwise derivatives are right for payoffs without jumps. For a digital or a barrier option
    they miss the jump, which biases the network: pass `alpha=0.0` (values alone), or a smoothed
    claim (a call spread, `SmoothedBarrier`).

    Args:
        n_samples: examples.
        n_steps: equal steps of the claim's life, on whose dates its path is watched, as it is in
            a hedging problem with the same number of steps.
        spread: standard deviation of the logarithm of each price at time 0.
        vol_shift: the greatest shift of volatility up or down that the network learns.
        rate_shift: the greatest shift of the interest rate.
        alpha: weight of a differential against that of the value; 0 for values alone.
        width: units of each of the `depth` hidden layers.
        n_updates: steps of Adam.
        batch_size: examples a step.
        learning_rate: the highest, in a cycle that starts and ends near 0.
    """
    at_least_one(n_samples=n_samples, n_steps=n_steps, n_updates=n_updates, batch_size=batch_size)
    box = (spread, vol_shift, rate_shift)
    _refuse_bad(box, alpha)
    data_key, network_key, batch_key = jax.random.split(key, 3)
    examples = examples_of(model, claim, box, n_samples, n_steps, key=data_key)
    dtype = examples.inputs.dtype
    n_inputs, normalisation = examples.inputs.shape[1], Normalisation.of(examples)
    network = fitted(
        silent_network(n_inputs, 1, width=width, depth=depth, dtype=dtype, key=network_key),
        normalisation,
        examples,
        alpha=alpha,
        n_updates=n_updates,
        batch_size=min(batch_size, n_samples),
        learning_rate=learning_rate,
        key=batch_key,
    )
    none = jnp.zeros((), dtype)
    return ValueNetwork(claim, model, network, normalisation, none, none)


def _refuse_bad(box: tuple[float, float, float], alpha: float) -> None:
    for name, size in zip(("spread", "vol_shift", "rate_shift"), box, strict=True):
        if not size > 0:
            raise ValueError(f"`{name}` must be positive, got {size}.")
    if not alpha >= 0:
        raise ValueError(f"`alpha` must be zero or positive, got {alpha}.")


def _refuse_another(claim: AbstractClaim, own: AbstractClaim) -> None:
    """Another contract than the network's, as far as can be seen: traced terms are not compared."""
    same = jax.tree.structure(claim) == jax.tree.structure(own) and all(
        isinstance(a, Tracer) or isinstance(b, Tracer) or np.array_equal(a, b)
        for a, b in zip(jax.tree.leaves(claim), jax.tree.leaves(own), strict=True)
    )
    if not same:
        raise TypeError(
            f"this ValueNetwork prices the {type(own).__name__} that it was trained on, got "
            f"another claim, {type(claim).__name__}; use `value_network(model, claim, key=...)`."
        )
