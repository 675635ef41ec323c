"""Orders as OCDS release packages."""
