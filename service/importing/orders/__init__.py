"""Orders out of tables of any shape, by a mapping."""
