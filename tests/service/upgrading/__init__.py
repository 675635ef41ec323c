"""Data of an embedded server, carried over to a newer version of PostgreSQL."""
