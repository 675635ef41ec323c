"""Threads that are watched, attempts that are repeated, and what other processes get from us."""
