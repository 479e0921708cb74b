"""The command ``mixnet-bench``, also as ``python -m mixnet_bench``."""

import os
import signal
from typing import NoReturn


def main() -> NoReturn:
    """Run the command. Ctrl-C ends it without a traceback, from the first import on."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from mixnet_common.entry import start

    start("mixnet_bench.cli")


if __name__ == "__main__":
    main()
