"""A mapping suggested for a table that nobody has mapped yet."""
