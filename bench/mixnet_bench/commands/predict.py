"""``mixnet-bench predict``: latencies of networks from a latency table, labelled as predictions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixnet_bench.latency_tables.predictor import Predictor, read_table
from mixnet_bench.latency_tables.state import doubts_of
from mixnet_bench.results.latency_tables import LatencyTable, Prediction
from mixnet_common import write_whole
from mixnet_common.console import json_text, print_json, print_table, say, warn
from mixnet_common.numbers import three_digits
from mixnet_common.outputs import check_output, named_files
from mixnet_common.readers import show
from mixnet_networks import load_network


@dataclass(frozen=True)
class PredictOptions:
    """The command's arguments and options, by their names."""

    networks: tuple[str, ...]
    table: Path
    classes: int | None
    resolution: int | None
    multiplier: float | None
    output: Path | None
    as_json: bool


def run_predict(asked: PredictOptions) -> None:
    """Predict, print and save. Raises UsageError if the table lacks blocks."""
    if asked.output is not None:
        check_output(
            asked.output, named_files(asked.table, *asked.networks), like="predictions.json"
        )
    sizes: dict[str, Any] = {
        "classes": asked.classes,
        "resolution": asked.resolution,
        "multiplier": asked.multiplier,
    }
    networks = [load_network(name, **sizes) for name in asked.networks]
    table = read_table(asked.table)
    predictor = Predictor(table)
    found = [predictor.predict(network) for network in networks]
    for doubt in doubts_of(table.anchor_ms):
        warn(f"{show(asked.table)}: {doubt}")
    if asked.output is not None:
        write_whole(asked.output, json_text(found) + "\n")
    if asked.as_json:
        print_json(found)
        return
    print_predictions(found, table)
    if asked.output is not None:
        say(f"wrote {asked.output}")


def print_predictions(found: list[Prediction], table: LatencyTable) -> None:
    """Predictions for people."""
    percent = f"{table.confidence:.0%}"
    print_table(
        ("predicted, not measured", "milliseconds", percent, f"/ {table.anchor}", percent, "note"),
        [
            (
                each.name,
                three_digits(each.latency_ms),
                "–".join(map(three_digits, each.latency_interval_ms)),
                f"{each.ratio:.3f}",
                "–".join(f"{bound:.3f}" for bound in each.interval),
                "; ".join(_notes(each)),
            )
            for each in found
        ],
        title="EMULATED: these are not times of a phone" if table.emulated else "",
        caption=f"by {len(table.blocks)} blocks of {table.name}, measured with {table.measured};"
        f" milliseconds are those of a device on which {table.anchor} takes"
        f" {three_digits(table.anchor_latency_ms)}",
    )


def _notes(found: Prediction) -> list[str]:
    notes = []
    if found.interpolated:
        notes.append(f"{found.interpolated} of {found.blocks} blocks interpolated")
    if found.extrapolated:
        notes.append("far from the networks that the table was checked with")
    return notes
