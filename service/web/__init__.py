"""The HTTP service: routes, what they accept, and how they answer."""
