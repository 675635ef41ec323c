"""Telling others of new events."""
