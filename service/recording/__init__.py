"""Requests decided and recorded: group commit, receipts, idempotency."""
