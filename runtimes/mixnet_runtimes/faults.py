"""The one exception of everything that checks a model file; the reader adds the file's name."""


class ModelError(Exception):
    """Something in a model cannot be. The message says what, in the words of its format."""
