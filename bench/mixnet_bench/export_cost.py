"""The earlier name of ``python -m mixnet_bench.studies.export_cost``."""

from mixnet_bench.studies.export_cost import main

if __name__ == "__main__":
    main()
