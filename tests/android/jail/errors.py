"""Why there can be no jail here; tests skip with it, loudly."""


class JailUnavailableError(Exception):
    """Namespaces, packages or emulation are not to be had; the message says which and why."""
