"""One phone: what it is, its condition, its settings, and what of ours is stored on it."""
