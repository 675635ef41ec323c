"""Files of Daybook's own events: requests one a line, and CloudEvents."""
