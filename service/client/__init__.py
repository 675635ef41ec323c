"""A client of the service for Python programs, blocking and asynchronous."""
