"""Programs for developers, which print; nothing of the toolkit rests on them."""
