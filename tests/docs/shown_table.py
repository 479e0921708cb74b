"""Which outputs on pages hold measured numbers, or need more than a clean folder, or are none.

What is not listed is printed by the commands above it, in seconds, and is equal line by line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Output:
    """How an output is compared."""

    measured: bool = False
    """Numbers, dates, hashes and verdicts that hang on circumstances match any others."""
    place: str = "folder"
    """Where the commands run: a place of ``shown_places``."""
    commands: tuple[str, ...] = ()
    """In place of those above it."""
    more: str = ""
    """Added to the last command, so that it takes seconds."""
    stream: str = "output"
    """``stdout`` where the page shows the warnings apart."""
    words: Mapping[str, str] = field(default_factory=dict)
    """What the page calls otherwise than the tests."""
    long: bool = False
    reason: str = ""
    """Why nothing is run, if so."""


GLYPHS = "mixnet-bench run --weights mixnet-s-glyphs --calibrate glyphs --data glyphs -o out/glyphs"
SHORT = "--min-count 3 --min-time 0 --warmup 1"
ADDED = "mixnet-bench devices add-runtime com.github.asus4.onnxruntime-0.4.9.tgz"
CLEANED = "mixnet-bench devices clean"
BUSY = "hangs on other programs"

OUTPUTS: Mapping[tuple[str, str], Output] = {
    ("README.md", "file MB ms ratio"): Output(
        measured=True, place="glyphs", commands=(GLYPHS,), stream="stdout", long=True
    ),
    ("README.md", "no --weights given"): Output(measured=True, place="weights", long=True),
    ("architecture.md", "architecture (TOML)"): Output(reason="a figure"),
    ("campaigns.md", "out/campaign/"): Output(reason="a folder"),
    ("files.md", "error: detector.tflite"): Output(place="files"),
    ("files.md", "detector.tflite"): Output(place="files"),
    ("from-checkpoint-to-phone.md", "warning: mixnet_s.ft_in1k"): Output(
        measured=True, place="weights", long=True
    ),
    ("optimize.md", "rewritten pattern"): Output(measured=True, long=True),
    ("phones.md", "phone model"): Output(measured=True, place="phone"),
    ("phones.md", "needed there"): Output(measured=True, place="new phone"),
    ("phones.md", "built"): Output(measured=True, place="new phone", more="--with zig", long=True),
    ("phones.md", "added"): Output(place="new phone", commands=(ADDED,)),
    ("phones.md", "EMULATED"): Output(measured=True, place="phone", more=SHORT, stream="stdout"),
    ("phones.md", "warning: mixnet-s.onnx"): Output(reason=BUSY),
    ("phones.md", "error: phone R5CT1234"): Output(
        measured=True,
        place="busy phone",
        commands=(CLEANED,),
        words={"R5CT1234": "127.0.0.1:5000"},
    ),
    ("phones.md", "127.0.0.1"): Output(measured=True, place="phone"),
    ("phones.md", "assumption holds"): Output(
        measured=True,
        place="phone",
        more="--model out/mixnet-s.tflite",
        words={"android-x86_64": "linux-x86_64"},
    ),
}
"""By page and the words with which the output begins."""
