"""``optimize --calibrate``: what a user's pictures decide about the tiles of an int8 file."""
