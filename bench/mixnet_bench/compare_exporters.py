"""The earlier name of ``python -m mixnet_bench.studies.exporters``."""

from mixnet_bench.studies.exporters import command

if __name__ == "__main__":
    command()
