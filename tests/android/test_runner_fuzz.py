"""A short fuzzing of what the runner reads and writes; run longer by hand, as fuzz.c says."""

import shutil
import subprocess
from pathlib import Path

import pytest
from runner_kit import RUNNER, compiler

SECONDS = 5
SEEDS = {
    "args": b"\0--library\0l\0--model\0m\0--threads\x002\0--cpus\x000-3,7\0--min-time\x000.5",
    "cpus": b"\x010-3,8,1000-1023",
    "text": "\x02é\x7f\n\"\\\ud7ff😀".encode() + b"\xed\xa0\x80\xff\xc3",
    "file": b"\x03\x0412345",
    "seeded": b"\x04\x11" + bytes(8) + b"\x40",
}  # fmt: skip
WORDS = (
    "--library", "--model", "--input", "--seed", "--threads", "--cpus", "--warmup", "--min-count",
    "--min-time", "--burst-ms", "--frequency", "--profile", "--max-time", "--output", "--check",
)  # fmt: skip


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clang = shutil.which("clang")
    if compiler() is None or clang is None:
        pytest.skip("NO CLANG HERE: the runner is not fuzzed")
    program = tmp_path_factory.mktemp("fuzz") / "fuzz"
    files = ["args", "base", "cpu", "data", "json"]
    done = subprocess.run(
        [clang, "-g", "-O1", "-std=c11", "-D_GNU_SOURCE", "-fsanitize=fuzzer,address,undefined",
         "-fno-sanitize-recover=all", "-I", RUNNER / "src", RUNNER / "fuzz" / "fuzz.c",
         *(RUNNER / "src" / f"{name}.c" for name in files), "-o", program],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "libclang_rt" in done.stderr:
        pytest.skip("CLANG HERE LACKS LIBFUZZER: the runner is not fuzzed")
    assert done.returncode == 0, done.stderr
    return program


def test_nothing_from_outside_breaks_the_runner(fuzzer: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name, content in SEEDS.items():
        (corpus / name).write_bytes(content)
    words = tmp_path / "words"
    words.write_text("".join(f'"{word}\\x00"\n' for word in WORDS))
    done = subprocess.run(
        [fuzzer, corpus, f"-max_total_time={SECONDS}", "-max_len=512", f"-dict={words}",
         "-timeout=10", f"-artifact_prefix={tmp_path}/", "-print_final_stats=1"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    runs = next(line for line in done.stderr.splitlines() if "number_of_executed_units" in line)
    assert int(runs.split()[-1]) > 1000
