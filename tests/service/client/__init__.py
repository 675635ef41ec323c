"""The Python client against services and networks of all sorts."""
