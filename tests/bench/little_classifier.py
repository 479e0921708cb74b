"""A little MixNet with four labelled classes, as a file to show images to."""

from pathlib import Path

from click.testing import CliRunner

from mixnet_export.cli import main

LABELS = ("ape", "bee", "cat", "dog")

LITTLE = """
source = "a test"
resolution = 32
classes = 4
stem = { channels = 8 }
head = { channels = 32 }
[[stages]]
out = 8
kernels = [3, 5]
expand = 2
[preprocessing]
mean = [120.0, 110.0, 100.0]
std = [60.0, 55.0, 50.0]
crop = 0.8
interpolation = "bilinear"
"""


def export_tiny(folder: Path, form: str, *options: str) -> Path:
    """A little MixNet with four labelled classes, written by our own command."""
    network, labels = folder / "little.toml", folder / "animals.txt"
    network.write_text(LITTLE)
    labels.write_text("\n".join(LABELS))
    command = [form, str(network), "-o", str(folder), "--labels", str(labels), "--no-verify"]
    result = CliRunner().invoke(main, [*command, *options])
    assert result.exit_code == 0, result.output
    return max(folder.glob(f"*.{form}"), key=lambda path: path.stat().st_mtime_ns)
