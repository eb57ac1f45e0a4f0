"""Rules that are read from tables, as dynamic programming leaves them."""
