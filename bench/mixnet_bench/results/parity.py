"""Comparisons of campaigns: those of the quantizer, with what the second file is."""

from mixnet_bench.results.file_run import Origin
from mixnet_quantize.parity.result import ParityResult


class CampaignParityResult(ParityResult):
    """Two files, compared on the same images; what a campaign knows of the second."""

    origin: Origin | None = None
    calibrated_on_data: bool | None = None
    """`true` where the images that set the ranges of int8 are those of this comparison"""
