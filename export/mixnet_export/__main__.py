"""The command ``mixnet-export``, also as ``python -m mixnet_export``."""

import os
import signal
from typing import NoReturn


def main() -> NoReturn:
    """Run the command. Ctrl-C ends it without a traceback, from the first import on."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from mixnet_common.entry import start

    start("mixnet_export.cli")


if __name__ == "__main__":
    main()
