"""Strategies for a portfolio that must not lose too much."""
