"""Questions about few lines, answered in Python from what is held in memory, as the statements answer them."""
