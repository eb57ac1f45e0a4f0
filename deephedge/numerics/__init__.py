"""Numerical methods, with no finance in them."""
