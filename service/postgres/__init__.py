"""A PostgreSQL server of the service's own, where there is none: `embedded` starts it, `binaries` finds its programs.

This file imports nothing: the supervisor, a small process beside the server, loads the package without psycopg.
"""
