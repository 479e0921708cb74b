"""Shared by all packages of mixnet-mobile: errors, atomic files, the console.

It is independent of networks, runtimes and phones, and imports none of the other packages.
"""

from mixnet_common.errors import MixnetError, UsageError
from mixnet_common.files import write_whole

__all__ = ["MixnetError", "UsageError", "write_whole"]
