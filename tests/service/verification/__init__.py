"""Verification: what was done to a ledger behind the service's back is found, and located."""
