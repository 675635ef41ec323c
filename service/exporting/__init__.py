"""Files for others to read: views, events, orders and archives, each in the formats its readers have."""
