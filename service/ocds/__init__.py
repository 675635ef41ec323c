"""The Open Contracting Data Standard: its schemas, kept here, and the merging of releases into a record."""

#: The version of the standard that is read and written, as packages name it.
VERSION = "1.1"
