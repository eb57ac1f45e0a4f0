"""Array types shared by every layer."""

from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

Scalar = Float[Array, ""]

__all__ = ["Array", "Bool", "Float", "Int", "PRNGKeyArray", "PyTree", "Scalar"]
