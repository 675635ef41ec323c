"""Faults brought about and taken away again under writers that keep their own record of what they were told."""
