"""Projections kept up with the ledger, and their files."""
