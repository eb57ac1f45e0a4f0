"""The best that any hedge can do: computed exactly, or bounded."""
