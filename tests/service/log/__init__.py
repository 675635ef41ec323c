"""The transparency log: keys, tree, publication, copies, witnesses."""
