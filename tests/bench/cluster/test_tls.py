"""With TLS only peers with a certificate of the same authority take part; without, nobody far."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cluster_kit import Lab, Processes, free_port, wait_for
from tls_kit import environment

Pair = tuple[Path, Path]


def parity(
    pair: Pair, photos: Path, address: str, tls: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    program = [sys.executable, "-m", "mixnet_bench", "parity", "--json", "--dask", address]
    return subprocess.run(
        [*program, *map(str, pair), "--data", str(photos), "--unlabelled"],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={**os.environ, **tls},
    )


@pytest.mark.slow
def test_only_peers_with_a_certificate_take_part(
    pair: Pair, photos: Path, tmp_path: Path, started: Processes
) -> None:
    ours, others = environment(tmp_path / "ours"), environment(tmp_path / "others")
    lab = Lab(started, free_port(), ours)
    lab.worker("--name", "ours")
    stranger = lab.worker("--name", "stranger", "--death-timeout", 5, environment=others)
    done = parity(pair, photos, lab.address, dict(ours))
    assert done.returncode == 0, done.stderr
    assert "ours on 127.0.0.1: 44 of 44" in done.stderr
    assert "stranger" not in done.stderr

    for address, tls in ((lab.address, others), (lab.address.replace("tls", "tcp"), {})):
        refused = parity(pair, photos, address, dict(tls))
        assert refused.returncode == 1
        assert f"cannot reach the Dask scheduler {address}" in refused.stderr
        assert "docs/cluster.md" in refused.stderr
        assert "Traceback" not in refused.stderr
    wait_for(lambda: stranger.poll() is not None)
    assert stranger.returncode != 0
