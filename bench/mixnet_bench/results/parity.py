"""Comparisons of campaigns: those of the quantizer, with what the second file is."""

from mixnet_bench.results.file_run import Origin
from mixnet_quantize.parity.result import ParityResult


class CampaignParityResult(ParityResult):
    """Two files, compared on the same images; what a campaign knows of the second."""

    origin: Origin | None = None
