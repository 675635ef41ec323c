"""The Open Contracting Data Standard: its schemas, kept here, and the merging of releases into a record."""
