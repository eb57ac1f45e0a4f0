"""deephedge: a hedging research toolkit on JAX."""
