"""Orders out of OCDS packages, records and releases."""
