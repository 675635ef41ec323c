"""What an auditor works with: bundles, the verifier that travels in them, and replays."""
