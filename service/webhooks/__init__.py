"""Telling others of new events: each in order, signed, at least once, however long they were away."""
