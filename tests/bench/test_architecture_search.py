"""The search's parts: what is proposed, what is within a limit, what is kept."""

import math
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from made_up_table import MadeUpSpace, evolution, evolve

from mixnet_bench.architecture_search.chain import Chain
from mixnet_bench.architecture_search.evolution import History, mutated
from mixnet_bench.architecture_search.figure import front_file
from mixnet_bench.architecture_search.front import front_of
from mixnet_bench.architecture_search.journal import opened_journal
from mixnet_bench.architecture_search.limit import Limit, find_fastest, parse_latency
from mixnet_bench.report.front import FrontFigure
from mixnet_bench.results.search import SearchTrial
from mixnet_common import MixnetError, UsageError
from mixnet_common.intervals import Estimate, Interval

SPACE = MadeUpSpace((4,) * 8)
PAPERS = MadeUpSpace((5,) * 17)
"""As many choices as Section 4.1's space has."""


# The score with a known optimum


def test_the_best_of_a_chain_is_the_best_of_all() -> None:
    chain = Chain((3, 2, 4, 1, 3))
    every = list(product(*map(range, chain.choices)))
    scores = [chain(each) for each in every]

    assert len(set(scores)) == len(every) == 72
    assert chain.best() == every[int(np.argmax(scores))]


def test_improving_one_position_at_a_time_never_leads_to_the_best_of_the_papers_space() -> None:
    chain, reached = Chain(PAPERS.choices), set()
    for seed in range(20):
        found = PAPERS.random(np.random.default_rng(seed))
        before: tuple[int, ...] = ()
        while found != before:
            before = found
            for position in range(len(found)):
                ways = [(*found[:position], each, *found[position + 1 :]) for each in range(5)]
                found = max(ways, key=chain)
        reached.add(found)
    assert len(reached) > 3
    assert max(map(chain, reached)) < chain(chain.best())


@pytest.mark.parametrize("seed", range(5))
def test_a_search_finds_the_known_best_right_at_the_limit(seed: int) -> None:
    chain = Chain(PAPERS.choices)
    bound = PAPERS.ratio(chain.best()).interval
    assert bound is not None
    evolving, history = evolution(PAPERS, Limit(bound.high), seed), None
    for count in range(500, 5001, 500):
        history = evolve(evolving, chain, count, history)
        if chain.best() in history.seen:
            break
    assert history is not None
    assert history.front[-1].genotype == chain.best()


# Proposals


def test_nothing_is_proposed_twice_and_nothing_beyond_the_limit() -> None:
    limit = Limit(0.25)
    history = evolve(evolution(SPACE, limit), Chain(SPACE.choices), 400)
    genotypes = [each.genotype for each in history.trials]

    assert len(set(genotypes)) == len(genotypes) == 400
    assert all(limit.holds(SPACE.ratio(each)) for each in genotypes)
    assert not limit.holds(SPACE.ratio((3,) * 8))
    assert {each.origin for each in history.trials[64:]} == {"mutation", "crossover"}
    assert [each.origin for each in history.trials[:64]] == ["fastest", *["random"] * 63]


def test_a_small_space_is_gone_through_to_its_last_network() -> None:
    space = MadeUpSpace((3, 1, 2, 4))
    history = evolve(evolution(space, Limit(), population=5), Chain(space.choices), 1000)

    assert {each.genotype for each in history.trials} == set(product(*map(range, space.choices)))


def test_what_is_proposed_depends_on_the_seed_and_on_what_was_found_alone() -> None:
    chain, made = Chain(SPACE.choices), evolution(SPACE, Limit(0.3), seed=3)
    whole = evolve(made, chain, 300).trials
    for cut in (0, 1, 63, 64, 65, 299):
        history = History.of(made.population, whole[:cut])
        assert evolve(made, chain, 300, history).trials == whole
    assert evolve(evolution(SPACE, Limit(0.3), seed=4), chain, 300).trials != whole


def test_what_failed_has_no_children_and_does_not_come_again() -> None:
    made = evolution(SPACE, Limit(), population=16)

    def score(genotype: tuple[int, ...]) -> float | None:
        return None if genotype[0] == 2 else float(sum(genotype))

    trials = evolve(made, score, 300).trials
    failed = {each.number for each in trials if each.score is None}
    assert 5 < len(failed) < 200
    assert not failed & {parent for each in trials for parent in each.parents}


def test_a_search_in_which_all_fails_goes_on_at_random() -> None:
    trials = evolve(evolution(SPACE, Limit(), population=4), lambda genotype: None, 20).trials
    assert [each.origin for each in trials] == ["fastest", *["random"] * 19]


def test_a_mutation_changes_something_and_stays_in_the_space() -> None:
    choices, rng = (2, 1, 5), np.random.default_rng(0)
    for _ in range(200):
        found = mutated((1, 0, 4), choices, rng)
        assert found != (1, 0, 4)
        assert all(0 <= option < count for option, count in zip(found, choices, strict=True))
    assert mutated((0, 0), (1, 1), rng) == (0, 0)


# Limits


@pytest.mark.parametrize(
    ("text", "milliseconds", "part", "network"),
    [
        ("8ms", 8, None, ""),
        ("0.5 s", 500, None, ""),
        ("900us", 0.9, None, ""),
        ("0.9xmixnet-s", None, 0.9, "mixnet-s"),
        ("1.25×nets/my.toml", None, 1.25, "nets/my.toml"),
        ("1xmobilenet-v2:groups=1", None, 1, "mobilenet-v2:groups=1"),
    ],
)
def test_a_limit_is_a_time_or_a_part_of_a_networks(
    text: str, milliseconds: float | None, part: float | None, network: str
) -> None:
    found = parse_latency(text)
    assert (found.milliseconds, found.part, found.network) == (milliseconds, part, network)


@pytest.mark.parametrize("text", ["", "8", "ms", "-8ms", "0ms", "0xmixnet-s", "nan ms", "1e3ms"])
def test_another_limit_is_refused_with_both_forms(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_latency(text)
    assert caught.value.hint == "like --latency 8ms or --latency 0.9xmixnet-s"


def test_a_certain_limit_takes_the_intervals_end_and_a_likely_one_the_value() -> None:
    predicted = Estimate(0.98, Interval(0.94, 1.02))
    assert not Limit(1.0).holds(predicted)
    assert Limit(1.02).holds(predicted)
    assert Limit(1.0, certain=False).holds(predicted)
    assert Limit(1.0).holds(Estimate(0.98, None))


def test_no_network_within_the_limit_is_said_with_the_fastest() -> None:
    assert find_fastest(Limit(), SPACE, SPACE.choices) == (0,) * 8
    with pytest.raises(MixnetError) as caught:
        evolution(SPACE, Limit(0.1))
    assert "the fastest is predicted to take 0.12, at most 0.126" in caught.value.message
    assert "--likely" not in caught.value.hint
    with pytest.raises(MixnetError) as caught:
        evolution(SPACE, Limit(0.122))
    assert "--likely" in caught.value.hint


# The front


def made(number: int, latency: float, score: float | None) -> SearchTrial:
    return SearchTrial(
        number=number, genotype=(number,), latency_ratio=latency, score=score, origin="random"
    )


def test_the_front_holds_what_nothing_beats_whatever_the_order() -> None:
    rng = np.random.default_rng(0)
    trials = [
        made(n, x := float(rng.integers(1, 30)), x // 2 + float(rng.integers(9))) for n in range(60)
    ]
    front = front_of(trials)
    pairs = {(each.latency, each.score) for each in trials}
    expected = {
        (x, y)
        for x, y in pairs
        if not any((a <= x and b >= y) and (a, b) != (x, y) for a, b in pairs)
    }
    assert len(expected) > 2
    assert [(each.latency, each.score) for each in front] == sorted(expected)
    backwards = front_of(trials[::-1])
    assert [each.latency for each in backwards] == [each.latency for each in front]
    assert front_of([made(0, 1, None)]) == []


# The file of candidates

KEY = {"space": "a", "seed": 0}


def test_candidates_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "found" / "candidates.jsonl"
    trials = [made(0, 0.1 + 0.2, 1 / 3), made(1, math.pi, None)]
    with opened_journal(path, KEY) as journal:
        assert journal.trials == []
        for each in trials:
            journal.append(each)
    with opened_journal(path, KEY) as journal:
        assert journal.trials == trials


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_line_that_was_cut_off_is_taken_away(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "candidates.jsonl"
    with opened_journal(path, KEY) as journal:
        journal.append(made(0, 1, 1))
        journal.append(made(1, 2, 2))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with opened_journal(path, KEY) as journal:
        assert journal.trials == [made(0, 1, 1)]
        journal.append(made(1, 2, 2))
    assert path.read_bytes() == whole


def test_a_header_that_was_cut_off_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "candidates.jsonl"
    with opened_journal(path, KEY):
        pass
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    with opened_journal(path, KEY):
        pass
    assert path.read_bytes() == whole


def test_another_searchs_candidates_are_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "candidates.jsonl"
    with opened_journal(path, KEY) as journal:
        journal.append(made(0, 1, 1))
    before = path.read_bytes()
    with (
        pytest.raises(UsageError, match="another search; differences: seed"),
        opened_journal(path, {**KEY, "seed": 1}),
    ):
        pass
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"\0" * 300_000, b"[1]\n", b'{"kind":"x"}\n', b"text"])
def test_a_file_of_something_else_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "candidates.jsonl"
    path.write_bytes(content)
    with (
        pytest.raises(UsageError, match="does not contain the candidates of a search"),
        opened_journal(path, KEY),
    ):
        pass
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{}\n", "line 3: it has no number"),
        (b"nonsense\n", "line 3: .*not valid JSON"),
        (b'{"number":7,"genotype":[1],"latency_ratio":1.0,"origin":"random"}\n', "1 comes next"),
        (b'{"number":1,"genotype":[1],"latency_ratio":NaN,"origin":"random"}\n', "NaN"),
        (b"x" * 200_000 + b"\n", "too long"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: bytes, why: str) -> None:
    path = tmp_path / "candidates.jsonl"
    with opened_journal(path, KEY) as journal:
        journal.append(made(0, 1, 1))
    before = path.read_bytes() + line
    path.write_bytes(before)
    with pytest.raises(MixnetError, match=why), opened_journal(path, KEY):
        pass
    assert path.read_bytes() == before


def test_two_searches_do_not_write_into_one_file(tmp_path: Path) -> None:
    path = tmp_path / "candidates.jsonl"
    inner = opened_journal(path, KEY)
    with opened_journal(path, KEY), pytest.raises(MixnetError, match="in use by another search"):
        inner.__enter__()


# The figure


def test_the_figure_is_well_formed_and_shows_every_point() -> None:
    figure = FrontFigure(
        title='a <b> & "c"\x1b',
        across="milliseconds",
        up="score",
        candidates=[(1, 1e8), (2, 3e8), (3, 2.5e8)],
        front=[(1, 1e8), (2, 3e8)],
        limit=2.5,
    )
    root = ElementTree.fromstring(front_file(figure))
    radii = [each.get("r") for each in root.iter() if each.tag.endswith("circle")]
    assert (radii.count("1.2"), radii.count("3")) == (3, 2)
    titles = [each.text for each in root.iter() if each.tag.endswith("title")]
    assert titles == ['a <b> & "c"\\x1b']
    texts = [each.text for each in root.iter() if each.tag.endswith("text")]
    assert {"score, millions", "milliseconds", "200", "300"} <= set(texts)


@pytest.mark.parametrize("points", [[(1.0, 1.0)], [(0.0, 0.0)], [(1.0, -3.0), (1.0, 5.0)]])
def test_the_figure_of_few_points_has_its_axes(points: list[tuple[float, float]]) -> None:
    drawn = front_file(FrontFigure("t", "x", "y", points, points))
    assert "nan" not in drawn
    assert "inf" not in drawn
    ElementTree.fromstring(drawn)


def test_many_candidates_are_thinned_out() -> None:
    points = [(float(n), float(n)) for n in range(20_000)]
    drawn = front_file(FrontFigure("t", "x", "y", points, points[:1]))
    assert 4000 < drawn.count("<circle") <= 5001
