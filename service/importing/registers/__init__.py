"""Tables of what orders speak of: organisations, products, rates, and decisions about likely duplicates."""
