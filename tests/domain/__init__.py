"""What the domain accepts, derives and refuses."""
