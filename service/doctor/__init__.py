"""What can be wrong with an installation, and with a service at work."""
