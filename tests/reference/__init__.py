"""Small ledgers for the reference evaluation (service/audit/verifier.py), and its tests."""
