from pathlib import Path

from mixnet_bench.tuning.cache import cache_folder
from mixnet_common.folders import home


def test_one_variable_moves_everything_that_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("MIXNET_HOME", str(tmp_path))
    assert home() == tmp_path
    assert tmp_path in cache_folder().parents


def test_without_it_the_users_cache_is_taken(tmp_path, monkeypatch):
    monkeypatch.delenv("MIXNET_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # of Linux
    assert home().name == "mixnet-mobile"
    assert home().parent != Path()
