"""``optimize --calibrate``: decides about the tiles of an int8 file on a user's images."""
