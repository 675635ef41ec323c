"""Files read in a process of their own, and what it says of them."""
