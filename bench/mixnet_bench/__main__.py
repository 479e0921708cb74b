"""``python -m mixnet_bench`` is the command ``mixnet-bench``."""

from mixnet_bench.cli import main

main()
