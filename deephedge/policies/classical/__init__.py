"""Rules from the literature."""
