"""The earlier name of ``python -m mixnet_bench.studies.runner``."""

from mixnet_bench.studies.runner import main

if __name__ == "__main__":
    main()
