"""Rules that are found by training."""
