"""How measurements are made: alternating, with their spread, and what they are held against."""
