"""The exception of all checks of model files; the reader adds the file's name."""


class ModelError(Exception):
    """Something in a model cannot be. The message says what, in the words of its format."""
