"""A profile as JSON and as a table: microseconds and shares by category, operators beside them.

Pure; measures nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mixnet_bench.profiling.categories import Label, categorize
from mixnet_bench.results.profile import CategoryTime, OperatorTime, ProfileResult
from mixnet_runtimes import Profile

UNACCOUNTED = "between operators"
TOTAL = "total"


def describe_profile(profile: Profile) -> ProfileResult:
    """The record of one profile; docs/json.md explains every key."""
    labels = categorize(profile)
    return ProfileResult(
        rounds=profile.rounds,
        total_us=profile.total_us,
        unaccounted_us=profile.unaccounted_us,
        inference_us=profile.inference_us,
        categories=tuple(
            CategoryTime(
                category=label.text,
                count=labels.count(label),
                time_us=time_us,
                share=time_us / profile.total_us,
            )
            for label, time_us in sum_up(profile, labels).items()
        ),
        operators=tuple(
            OperatorTime(
                name=each.name,
                kind=each.kind,
                event=each.event,
                category=label.text,
                time_us=each.time_us,
            )
            for each, label in zip(profile.operators, labels, strict=True)
        ),
    )


def sum_up(profile: Profile, labels: Sequence[Label]) -> dict[Label, float]:
    """Microseconds by category, in the order of the categories."""
    times = dict.fromkeys(sorted(set(labels)), 0.0)
    for each, label in zip(profile.operators, labels, strict=True):
        times[label] += each.time_us
    return times


def profile_columns(names: Sequence[str]) -> tuple[str, ...]:
    """The table's columns: a time and a share for each file."""
    return ("microseconds", *(cell for name in names for cell in (name, "%")))


def profile_rows(profiles: Sequence[Profile]) -> list[tuple[str, ...]]:
    """The table's rows, the files side by side."""
    times = [sum_up(profile, categorize(profile)) for profile in profiles]
    rows = [_row(str(label), times, label, profiles) for label in sorted(set().union(*times))]
    ends: tuple[tuple[str, list[float]], ...] = (
        (UNACCOUNTED, [profile.unaccounted_us for profile in profiles]),
        (TOTAL, [profile.total_us for profile in profiles]),
    )
    return rows + [
        _row(text, [{text: value} for value in values], text, profiles) for text, values in ends
    ]


def _row(
    text: str, times: Sequence[Mapping[Any, float]], key: object, profiles: Sequence[Profile]
) -> tuple[str, ...]:
    cells = [
        _cells(each.get(key), profile.total_us)
        for each, profile in zip(times, profiles, strict=True)
    ]
    return (text, *(cell for pair in cells for cell in pair))


def _cells(time_us: float | None, total_us: float) -> tuple[str, str]:
    if time_us is None:
        return "", ""
    return f"{time_us:,.0f}", f"{100 * time_us / total_us:.1f}"
