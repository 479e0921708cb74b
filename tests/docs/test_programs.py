"""Programs answer under every name by which they were ever documented."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("networks/**/*.md"),
        *ROOT.glob("android_harness/**/*.md"),
    }
)
EARLIER = {
    "mixnet_bench",
    "mixnet_bench.cli",
    "mixnet_bench.compare_exporters",
    "mixnet_bench.compare_runner",
    "mixnet_bench.export_cost",
    "mixnet_bench.glyphs.build",
    "mixnet_bench.glyphs.measure",
    "mixnet_bench.glyphs.publish",
    "mixnet_bench.glyphs.train",
    "mixnet_bench.studies.exporters",
    "mixnet_bench.studies.runner",
    "mixnet_bench.studies.export_cost",
    "mixnet_bench.studies.glyphs.build",
    "mixnet_bench.studies.glyphs.measure",
    "mixnet_bench.studies.glyphs.publish",
    "mixnet_bench.studies.glyphs.train",
    "mixnet_bench.studies.comparison_trial",
    "mixnet_bench.trust_trial",
    "mixnet_export",
    "mixnet_export.cli",
}
"""Documented in pages or in the programs' own help, once: they keep these names."""
TYPED = re.compile(r"python3? -m (mixnet_\w+(?:\.\w+)*)")


def documented() -> set[str]:
    return {name for page in PAGES for name in TYPED.findall(page.read_text(encoding="utf-8"))}


def test_pages_name_programs() -> None:
    assert documented() >= {"mixnet_bench.studies.exporters", "mixnet_bench.studies.glyphs.measure"}


@pytest.mark.parametrize("name", sorted(EARLIER | documented()))
def test_a_program_helps_under_its_documented_name(name: str) -> None:
    command = [sys.executable, "-m", name, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: ")
    assert "--help" in done.stdout
