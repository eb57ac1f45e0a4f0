"""Strategies that take a position for its profit."""
