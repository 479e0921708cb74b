"""What files make of images: classes, and parity between two files."""
