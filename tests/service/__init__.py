"""What the service promises, checked against a real PostgreSQL."""
