"""What every request passes first: connection, limits, identity, rate, permission."""
