"""Earlier names of the programs in ``mixnet_bench.studies.glyphs``."""
