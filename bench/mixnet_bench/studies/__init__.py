"""Programs for developers, which print; the rest of the toolkit does not import them."""
