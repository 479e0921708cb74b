"""The earlier name of ``python -m mixnet_bench.studies.glyphs.measure``."""

from mixnet_bench.studies.glyphs.measure import main

if __name__ == "__main__":
    main()
