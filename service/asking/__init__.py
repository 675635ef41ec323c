"""Questions: their clocks, the views and lists that answer them, page by page, and what-ifs."""
