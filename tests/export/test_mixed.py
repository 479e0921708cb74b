"""The search for a mixed precision, walked with fakes: losses, times and sizes made up."""

import itertools
import json
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixnet_common.intervals import Estimate, Interval
from mixnet_export.mixed.search import (
    COLUMNS,
    Front,
    Layers,
    MeasuredMixture,
    NoMixtureError,
    Step,
    front_rows,
    rank,
    search,
    search_json,
)
from mixnet_quantize.sensitivity import LayerError

BUDGET = 0.5


def surely(ratio: float) -> Estimate:
    return Estimate(ratio, Interval(ratio - 0.01, ratio + 0.01))


class Network:
    """Blocks that each cost some points in int8 and some time in float32."""

    def __init__(self, costs: dict[str, float], slowdown: float = 0.02, base: float = 0.6) -> None:
        self.costs, self.slowdown, self.base = costs, slowdown, base
        self.built: list[Layers] = []

    def build(self, layers: Layers) -> bytes:
        self.built.append(layers)
        return json.dumps(layers).encode()

    def measure(self, content: bytes) -> MeasuredMixture:
        left = sum(cost for name, cost in self.costs.items() if name not in json.loads(content))
        return MeasuredMixture(left, left <= BUDGET, 30 - left, "agreement")

    def time(self, content: bytes) -> Estimate:
        return surely(self.base + self.slowdown * len(json.loads(content)))

    def search(self, ranking: Sequence[str] | None = None) -> Front:
        ranked = sorted(self.costs, key=lambda name: -self.costs[name])
        order = ranked if ranking is None else ranking
        return search(lambda content: order, self.build, self.measure, self.time)


def test_plain_int8_within_the_budget_is_taken_and_nothing_else_is_built() -> None:
    network = Network({"a": 0.2, "b": 0.1})
    front = network.search()

    assert front.chosen.float_layers == ()
    assert network.built == [()]


def test_one_sensitive_block_is_kept() -> None:
    network = Network({"a": 0.1, "b": 3.0, "c": 0.1, "d": 0.1})
    front = network.search()

    assert front.chosen.float_layers == ("b",)
    assert json.loads(front.content) == ["b"]
    assert network.built == [(), ("b",)]


def test_a_block_ranked_too_high_is_left_out_again() -> None:
    network = Network({"a": 0.0, "b": 3.0, "c": 0.1, "d": 2.0})

    assert set(network.search(["a", "b", "d", "c"]).chosen.float_layers) == {"b", "d"}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 2), min_size=1, max_size=8))
def test_the_search_finds_as_few_blocks_as_there_can_be(costs: list[float]) -> None:
    """Against all subsets, where the ranking is right."""
    network = Network({f"blocks.{index}": cost for index, cost in enumerate(costs)})
    found = network.search().chosen
    fewest = next(
        size
        for size in range(len(costs) + 1)
        for kept in itertools.combinations(network.costs, size)
        if network.measure(json.dumps(kept).encode()).holds
    )

    assert found.acceptable
    assert len(found.float_layers) <= fewest + 1  # sums of floats differ by their order
    assert len(network.built) == len(set(network.built))
    assert len(network.built) <= 2 * len(costs).bit_length() + 2 + fewest


def test_it_gives_up_where_float_layers_make_the_file_too_slow() -> None:
    network = Network(dict.fromkeys("abcdefgh", 1.0), slowdown=0.1, base=0.7)
    with pytest.raises(NoMixtureError, match=r"loses 6\.00 points at 0\.90 .* 2 blocks") as failure:
        network.search()

    assert failure.value.exit_status == 1
    assert max(len(step.float_layers) for step in failure.value.steps) == 4
    assert "--budget" in failure.value.hint


def test_it_gives_up_at_once_where_int8_itself_is_no_faster() -> None:
    network = Network({"a": 5.0, "b": 1.0}, base=1.1)
    with pytest.raises(NoMixtureError):
        network.search()

    assert network.built == [()]


def test_it_gives_up_where_even_all_blocks_do_not_help() -> None:
    network = Network({"a": 1.0, "b": 1.0, "other": 9.0})
    with pytest.raises(NoMixtureError, match="no mix"):
        network.search(["a", "b"])


def test_blocks_are_ranked_by_the_noise_that_they_add() -> None:
    def error(name: str, noise: float) -> LayerError:
        return LayerError(name, "CONV_2D", 1.0, noise, 0.0)

    errors = [
        error("stem.conv", 0.001),
        error("blocks.0.0.expand", 0.9),  # within a block only its end counts
        error("blocks.0.0.project", 0.003),
        error("blocks.1.0.project", 0.010),
        error("head.conv", 0.011),
        error("logits", 0.012),
    ]

    assert rank(errors) == ["blocks.1.0", "blocks.0.0", "head", "stem"]


def test_the_front_is_told_in_a_table_and_in_json() -> None:
    front = Network({"a": 0.6, "b": 3.0, "c": 0.1, "d": 0.1}).search()
    table = front_rows(front.steps, front.chosen)

    assert [row[0] for row in table] == ["none", "b", "a", "b, a"]
    assert table[-1] == ("b, a", "0.20", "29.8", "0.64 (0.63–0.65)", "0.0 MB", "chosen")
    assert {len(row) for row in table} == {len(COLUMNS)}
    told = json.loads(json.dumps(search_json(front, BUDGET), allow_nan=False))
    assert told["float_layers"] == ["b", "a"]
    assert [step["float_layers"] for step in told["steps"]] == [[], ["b"], ["b", "a"], ["a"]]
    assert told["steps"][0].keys() == Step((), 0, True, None, surely(0.5), 0).as_json().keys()


def test_every_step_is_told_as_it_is_made() -> None:
    network = Network({"a": 0.6, "b": 3.0})
    told: list[Step] = []
    tell: Callable[[Step], None] = told.append
    front = search(lambda content: ["b", "a"], network.build, network.measure, network.time, tell)

    assert tuple(told) == front.steps
