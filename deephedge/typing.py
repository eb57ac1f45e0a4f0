"""Array types shared by every layer."""

from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

Scalar = Float[Array, ""]

__all__ = ["Array", "Float", "Int", "PRNGKeyArray", "PyTree", "Scalar"]
