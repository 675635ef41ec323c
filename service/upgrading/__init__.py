"""Carrying the embedded server's data over to a newer major version of PostgreSQL, and removing what was kept."""
