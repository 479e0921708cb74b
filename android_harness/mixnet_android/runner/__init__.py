"""The native runner: building it for a platform, and reading its protocol."""
