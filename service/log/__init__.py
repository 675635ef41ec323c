"""The transparency log: the Merkle tree over the recorded events, its signed checkpoints, and who vouches for them."""
