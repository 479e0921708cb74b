"""Comparisons of campaigns: those of the quantizer, with the origin of the second file."""

from mixnet_bench.results.file_run import Origin
from mixnet_quantize.parity.result import ParityResult


class CampaignParityResult(ParityResult):
    """Two files, compared on the same images; what a campaign knows of the second."""

    origin: Origin | None = None
    calibrated_on_data: bool | None = None
    """`true` if the calibration images of int8 are the images of this comparison"""
