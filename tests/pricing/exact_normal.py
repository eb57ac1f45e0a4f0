"""The formulas of Black and Bachelier in decimal arithmetic, to fifty digits."""

from decimal import Decimal, localcontext

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")
DIGITS, LEVELS = 75, 400


def density(x: Decimal) -> Decimal:
    return (-x * x / 2).exp() / (2 * PI).sqrt()


def cdf(x: Decimal) -> Decimal:
    """A continued fraction in the lower tail, else the sum of x^(2k+1) / (2k+1)!!."""
    if abs(x) > 5:
        fraction = abs(x)
        for level in range(LEVELS, 0, -1):
            fraction = abs(x) + level / fraction
        tail = density(x) / fraction
        return tail if x < 0 else 1 - tail
    term, total, k = abs(x), abs(x), 1
    while term > total * Decimal("1e-75"):
        term, k = term * x * x / (2 * k + 1), k + 1
        total += term
    half = density(x) * total
    return Decimal("0.5") + (half if x > 0 else -half)


def black(forward: float, strike: float, deviation: float, sign: int) -> Decimal:
    """Undiscounted price of a call (1) or put (-1)."""
    with localcontext() as context:
        context.prec = DIGITS
        f, k, s = Decimal(forward), Decimal(strike), Decimal(deviation)
        d1 = (f / k).ln() / s + s / 2
        return sign * (f * cdf(sign * d1) - k * cdf(sign * (d1 - s)))


def bachelier(gap: float, deviation: float) -> Decimal:
    """Undiscounted price of an option that is `gap` out of the money."""
    with localcontext() as context:
        context.prec = DIGITS
        g, s = Decimal(gap), Decimal(deviation)
        return s * density(g / s) - g * cdf(-g / s)
