"""Volatility forecasts from the prices seen so far."""
