"""Files from elsewhere, read into event requests and recorded."""
