"""The best that any hedge can do: computed exactly, or bounded."""

from deephedge.optimum.certificate import Certificate as Certificate
from deephedge.optimum.certificate import certificate as certificate
