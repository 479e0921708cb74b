"""How images are prepared for a network, and the one picture that ships with the package."""
