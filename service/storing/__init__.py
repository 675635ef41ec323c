"""The ledger in PostgreSQL: its tables, what is appended to them and read from them."""
