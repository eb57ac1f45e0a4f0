# %% [markdown]
# # Prices and Greeks
#
# A pricer is a differentiable function of what is known at a date and of its own numbers. So every
# Greek is a derivative, of any order, and none is coded by hand. This page prices calls and puts,
# holds them to parity, reads implied volatilities, and sets Heston's model beside Black and
# Scholes'.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from deephedge.claims import Call, Put
from deephedge.markets import BlackScholes, Heston
from deephedge.pricing import BlackScholesFormula, Fourier, greeks, implied_vol, sensitivity

jax.config.update("jax_enable_x64", True)  # reference prices in float64

# %% [markdown]
# ## Price, delta, gamma ...
#
# `market.start()` is all that is known today. `greeks` takes derivatives of the pricer's price by
# the spot, the volatility, the time and the rate.

# %%
market = BlackScholes(spot=100.0, vol=0.2, rate=0.03)
pricer = BlackScholesFormula(vol=0.2, rate=0.03)
call, put, now = Call(strike=105.0, maturity=0.5), Put(strike=105.0, maturity=0.5), market.start()
names = ("price", "delta", "gamma", "vega", "theta", "rho")
of_call, of_put = greeks(pricer, call, now, names), greeks(pricer, put, now, names)
print("            call       put")
for name in names:
    print(f"{name:6s} {float(of_call[name]):9.4f} {float(of_put[name]):9.4f}")

# %% [markdown]
# **Parity**: a call less a put is a forward, so their prices differ by $S - Ke^{-rT}$, their deltas
# by 1, and their gammas and vegas are the same.

# %%
left = of_call["price"] - of_put["price"]
right = 100.0 - 105.0 * np.exp(-0.03 * 0.5)
print(f"parity holds to {abs(float(left) - right):.0e}")

# %% [markdown]
# The pricer is a pytree: `jax.grad` goes through it like through any function. Here is vega as the
# derivative by the pricer's own field, beside a central difference.


# %%
def price(vol):
    return BlackScholesFormula(vol=vol, rate=0.03).price(call, now)


vega = jax.grad(price)(0.2)
difference = (price(0.2 + 1e-5) - price(0.2 - 1e-5)) / 2e-5
print(f"vega by grad {float(vega):.8f}, by differences {float(difference):.8f}")

# %% [markdown]
# Batches are `vmap`. The Greeks of one call at many spots, in one call of one function:

# %%
spots = jnp.linspace(70.0, 140.0, 141)


def at(spot):
    moved = BlackScholes(spot=spot, vol=0.2, rate=0.03).start()
    return greeks(pricer, call, moved, ("delta", "gamma", "vega", "vanna"))


curves = jax.vmap(at)(spots)
figure, axes = plt.subplots(1, 4, figsize=(9, 2.6))
for axis, (name, values) in zip(axes, curves.items(), strict=True):
    axis.plot(spots, values)
    axis.axvline(105.0, color="#444444", linestyle=":")
    axis.set(title=name, xlabel="spot")
plt.show()

# %% [markdown]
# ## A smile
#
# In Heston's model variance itself is random. Its prices come from the characteristic function by
# a Fourier series. Quoted as Black–Scholes volatilities they make a smile, steeper for short dates:
# a price that falls raises volatility (the correlation is negative).

# %%
heston = Heston(
    spot=100.0, variance=0.04, mean_reversion=1.5, long_variance=0.05,
    vol_of_variance=0.6, correlation=-0.7, rate=0.03,
)  # fmt: skip
fourier, start = Fourier(heston), heston.start()


@jax.jit
@jax.vmap
def quoted(strike, maturity):
    price = fourier.price(Call(strike=strike, maturity=maturity), start)
    return implied_vol(price, spot=100.0, strike=strike, tau=maturity, rate=0.03)


strikes = jnp.linspace(75.0, 125.0, 51)
figure, axis = plt.subplots(figsize=(8, 3.6))
for maturity, style in ((0.1, "-"), (0.5, "--"), (2.0, "-.")):
    vols = quoted(strikes, jnp.full_like(strikes, maturity))
    axis.plot(strikes, 100.0 * vols, style, label=f"{maturity:g} years")
axis.set(xlabel="strike", ylabel="implied volatility, %")
axis.legend()
plt.show()

# %% [markdown]
# Reading a volatility out of a price is the inverse of pricing, and the round trip is exact:

# %%
vol = quoted(jnp.asarray([105.0]), jnp.asarray([0.5]))[0]
again = BlackScholesFormula(vol=vol, rate=0.03).price(call, start)
print(f"implied volatility {float(vol):.6f}; the prices differ by "
      f"{abs(float(again - fourier.price(call, start))):.0e}")  # fmt: skip

# %% [markdown]
# ## Two deltas
#
# At that volatility both models agree on the price, but not on the hedge. Heston's delta holds the
# variance still. As variance tends to rise when the price falls, the hedge with the least variance
# adds vega's part: $\Delta + \rho\,\eta\,\partial_v V / S$ (the minimum-variance delta).

# %%
flat = greeks(BlackScholesFormula(vol=vol, rate=0.03), call, start, ("delta", "gamma"))
own = greeks(fourier, call, start, ("delta", "gamma"))


def by_variance(variance):
    moved = Heston(
        spot=100.0, variance=variance, mean_reversion=1.5, long_variance=0.05,
        vol_of_variance=0.6, correlation=-0.7, rate=0.03,
    )  # fmt: skip
    return fourier.price(call, moved.start())


slope = jax.grad(by_variance)(0.04)
print(f"Black-Scholes delta    {float(flat['delta']):.4f}, gamma {float(flat['gamma']):.5f}")
print(f"Heston delta           {float(own['delta']):.4f}, gamma {float(own['gamma']):.5f}")
print(f"minimum-variance delta {float(own['delta'] - 0.7 * 0.6 * slope / 100.0):.4f}")
speed = sensitivity(fourier, call, start, "spot", "spot", "spot")
print(f"speed, of third order  {float(speed):.6f}")
