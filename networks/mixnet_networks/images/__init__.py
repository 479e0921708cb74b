"""The preprocessing of images for a network, and the sample image of the package."""
