"""Daybook's rules: events, values and decisions, as pure functions without clock, randomness or I/O."""
