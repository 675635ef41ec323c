"""Verification: every event read again, the tree over them computed anew, and both held against what was signed."""
