"""Imports asked for over HTTP: files as they arrive, what is to be done with them, and who does it."""
