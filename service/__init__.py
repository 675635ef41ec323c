"""The ledger as a running service: its store, its settings, its doors."""
