r"""What Mills' ratio of the normal law falls short of its limit by.

$$1 - x\,\frac{\Phi(-x)}{\varphi(x)}, \quad x \ge 0$$

It is between 1 and 0 and decays like $1/x^2$. The values of options far out of the money are
this number times a density; forming it by subtraction would lose $x^2$ of their accuracy.

Reference: Abramowitz and Stegun (1964), 26.2.14, the continued fraction.
"""

import jax.numpy as jnp

from deephedge.numerics import normal
from deephedge.typing import Array

LEVELS = 40
"""Of the continued fraction: rounding error from four deviations on."""


def shortfall(x: Array) -> Array:
    """The shortfall at x of zero or more, to all digits at any distance."""
    near = x < 4.0
    small, large = jnp.where(near, x, 1.0), jnp.where(near, 4.0, x)
    tail = large
    for level in range(LEVELS, 1, -1):
        tail = large + level / tail
    subtracted = 1.0 - small * normal.cdf(-small) / normal.pdf(small)
    return jnp.where(near, subtracted, 1.0 / (1.0 + large * tail))
