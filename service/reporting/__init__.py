"""Reporting: plain tables of what the ledger comes to, kept level for programs that make reports of tables."""
