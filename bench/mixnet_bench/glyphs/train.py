"""The earlier name of ``python -m mixnet_bench.studies.glyphs.train``."""

from mixnet_bench.studies.glyphs.train import main

if __name__ == "__main__":
    main()
