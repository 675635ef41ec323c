"""Tables of reports: in the database and as files."""
