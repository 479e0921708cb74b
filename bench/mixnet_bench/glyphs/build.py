"""The earlier name of ``python -m mixnet_bench.studies.glyphs.build``."""

from mixnet_bench.studies.glyphs.build import main

if __name__ == "__main__":
    main()
