"""The native runner: built for a platform, and its protocol read."""
