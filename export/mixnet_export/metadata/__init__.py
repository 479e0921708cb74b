"""What an application must know of a model, written into the file and read out of it again.

Preprocessing and labels travel in the places that each format has for them, so that other software
finds them too. Nothing here changes what a file computes.
"""

from mixnet_export.metadata.card import ModelMetadata
from mixnet_export.metadata.files import describe_metadata, read_metadata

__all__ = ["ModelMetadata", "describe_metadata", "read_metadata"]
