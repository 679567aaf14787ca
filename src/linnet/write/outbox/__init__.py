"""Step 2 of the path: committed events reach their handlers, in order per actor, at least once."""
