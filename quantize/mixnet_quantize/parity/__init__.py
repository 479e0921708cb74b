"""The parity check: the accuracy loss of one file against another, with confidence intervals.

It runs both files on the same images and counts; it changes neither and measures no time.
"""

from mixnet_quantize.parity.check import File, Parity, Settings, parity
from mixnet_quantize.parity.data import Images, Source, find_images
from mixnet_quantize.parity.gate import Verdict, enforce, judge
from mixnet_quantize.parity.pair import Side
from mixnet_quantize.parity.tally import Outcome

__all__ = [
    "File",
    "Images",
    "Outcome",
    "Parity",
    "Settings",
    "Side",
    "Source",
    "Verdict",
    "enforce",
    "find_images",
    "judge",
    "parity",
]
