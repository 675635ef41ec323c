"""What Daybook promises, checked."""
