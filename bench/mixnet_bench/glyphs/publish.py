"""The earlier name of ``python -m mixnet_bench.studies.glyphs.publish``."""

from mixnet_bench.studies.glyphs.publish import main

if __name__ == "__main__":
    main()
