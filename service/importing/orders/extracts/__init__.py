"""Extracts that say how things stand on a day: what of that the ledger has otherwise, as facts of that day."""
