"""``studies.search_front``: a search's front, measured, against the limit of the search."""

import json
import math
from pathlib import Path
from shlex import split

import pytest
from click.testing import CliRunner
from made_up_table import write_table

from mixnet_bench.cli import main
from mixnet_bench.latency_tables.partial import LaunchLine, PartialTable
from mixnet_bench.studies.search_front import judge_front, read_search, study_of
from mixnet_common import UsageError

SEARCH = "search --space space.toml --table table.json --score synthetic --evaluations 80"


def test_members_beyond_the_limit_are_counted_and_nine_of_ten_must_be_within(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path)
    for words in (f"{SEARCH} --latency 0.056xmixnet-s -o found", f"{SEARCH} -o free"):
        assert CliRunner().invoke(main, split(words)).exit_code == 0
    search = read_search(Path("found/search.json"))
    study = study_of(search, "space.toml", Path("table.json"), networks=3)
    assert list(study.members.values()) == [each.genotype for each in search.front[-3:]]

    for factor, within in ((0.999, 3), (1.001, 0)):
        kept = PartialTable(tmp_path / f"{within}.json", {})
        logs = {
            key: math.log(0.056 * factor) - 1e-6 * number
            for number, key in enumerate(study.members)
        }
        kept.add(LaunchLine(number=0, passed=0, anchor_ms=10.0, seconds=1.0, log_ratios=logs))
        found = judge_front(search, study, kept, complete=True)
        assert (found.within, found.passed) == (within, within == 3)
        assert found.members[-1].name == search.front[-1].name

    with pytest.raises(UsageError, match="is not a search with a limit"):
        read_search(Path("free/search.json"))
    table = json.loads(Path("table.json").read_text())
    Path("other.json").write_text(json.dumps(table))
    with pytest.raises(UsageError, match=r"other\.json is not the table of the search"):
        study_of(search, "space.toml", Path("other.json"), networks=3)
