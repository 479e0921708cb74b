"""Imports existing weights: from a file of another program to the arrays of one of our networks.

A new file format is one module and one line in ``formats``, a new way of naming arrays one module
and one line in ``namings``. Nothing in a file is ever executed, and nothing is written.
"""

from mixnet_networks.importing.formats import weight_files
from mixnet_networks.importing.load import Imported, import_weights, option_warnings

__all__ = ["Imported", "import_weights", "option_warnings", "weight_files"]
