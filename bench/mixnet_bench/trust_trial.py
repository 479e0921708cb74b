"""The earlier name of ``python -m mixnet_bench.studies.comparison_trial``."""

from mixnet_bench.studies.comparison_trial import main

if __name__ == "__main__":
    main()
