"""Our files and other exporters', made to be timed side by side.

One module per peer, and a registry of them; ``mixnet_bench.studies.exporters`` is the program.
"""
