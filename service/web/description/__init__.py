"""The interface's description: OpenAPI, its examples, and the page that shows them."""
