"""What trading desks run."""
