"""One phone: its properties, its condition, its settings, and the files stored on it."""
