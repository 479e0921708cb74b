"""The metadata of a model that an application needs, written into the file and read from it.

Preprocessing and labels are stored in each format's standard places, so that other software finds
them too. Nothing here changes the outputs of a file.
"""

from mixnet_export.metadata.card import ModelMetadata
from mixnet_export.metadata.files import describe_metadata, read_metadata

__all__ = ["ModelMetadata", "describe_metadata", "read_metadata"]
