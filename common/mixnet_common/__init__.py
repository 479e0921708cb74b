"""What every package of mixnet-mobile shares: errors, whole files, the console.

It knows nothing of networks, runtimes or phones, and imports none of the other packages.
"""

from mixnet_common.errors import MixnetError, UsageError
from mixnet_common.files import write_whole

__all__ = ["MixnetError", "UsageError", "write_whole"]
