"""What LiteRT's own benchmark_model printed, version by version, and what is made of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_android.runs.benchmark_model import Options, Report, Spread, arguments, parse
from mixnet_common import MixnetError

DATA = Path(__file__).parent / "data" / "benchmark_model"

RECORDED = {
    "am62x-xnnpack": Report(
        614.333, 905.463,
        Spread(1, 905.463, 905.463, 905.463, 0.0, 905.463, 905.463),
        Spread(50, 899.641, 898.007, 906.121, 1.549, 899.281, 904.305),
        "XNNPACK", "part", 150.141,
    ),
    "espcn-2020": Report(
        0.855, 49.06,
        Spread(15, 34.8251, 32.825, 49.06, 3.93),
        Spread(50, 33.2094, 32.641, 34.005, 0.45),
        None, None, 12.8672,
    ),
    "mobilenet-2018": Report(
        9.933, None,
        Spread(7, 76.6059, 66.709, 127.425, 20.944),
        Spread(15, 66.7676, 66.699, 66.838, 0.039),
        None, None, None,
    ),
    "resnet-fpn-2020": Report(
        48.019, None,
        Spread(1, 15908.626, 15908.626, 15908.626, 0.0, 15908.626, 15908.626),
        Spread(9, 16850.5, 16767.506, 17015.249, 69.772),
        None, None, None,
    ),
    "litert-table": Report(
        23744.73, 7441.04,
        Spread(1, 7441.04), Spread(10, 7430.2, 7416.4, 7448.86, 9.92),
        None, None, 6391.74,
    ),
    "logcat-nnapi": Report(
        126.059, 32.942,
        Spread(40, 12.5819, 11.34, 32.942, 3.331), Spread(75, 12.1676, 11.787, 13.649, 0.325),
        "NNAPI", "part", None,
    ),
}  # fmt: skip
"""Read off the files by eye."""

AM62X = (DATA / "am62x-xnnpack.txt").read_text()


def test_every_recorded_output_is_expected_to_be_something() -> None:
    assert {path.stem for path in DATA.glob("*.txt")} == set(RECORDED)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("name", RECORDED)
def test_recorded_outputs_are_understood(name: str, ending: str) -> None:
    text = (DATA / f"{name}.txt").read_text().replace("\n", ending)
    assert parse(text) == RECORDED[name]


@pytest.mark.parametrize(
    ("words", "delegated"),
    [
        ("Explicitly applied XNNPACK delegate, and the model graph will be completely executed by"
         " the delegate.", "all"),
        ("Though XNNPACK delegate is explicitly applied, the model graph will not be executed by"
         " the delegate.", "none"),
    ],
)  # fmt: skip
def test_how_much_the_delegate_took_is_told(words: str, delegated: str) -> None:
    lines = [line for line in AM62X.splitlines() if "Explicitly" not in line]
    report = parse("\n".join([words, *lines]))
    assert (report.delegate, report.delegated) == ("XNNPACK", delegated)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it printed nothing"),
        ("STARTING!\nERROR: Could not open 'a.tflite'.\nBenchmarking failed.", "Could not open"),
        (AM62X[: AM62X.index("INFO: Inference timings")], "no result"),
        (AM62X.partition("INFO: Running")[0] + AM62X[AM62X.index("INFO: Inference t") :],
         "no result"),
        (AM62X + AM62X, "several results"),
        (AM62X.replace("avg=899641", "avg=799641"), "contradicts itself"),
        ("ERROR: \x1b[31mred", "red"),
    ],
)  # fmt: skip
def test_what_is_no_result_is_refused_and_quoted(text: str, words: str) -> None:
    with pytest.raises(MixnetError, match=words) as caught:
        parse(text)
    assert caught.value.message.isprintable()


@given(st.integers(0, len(AM62X)), st.text(max_size=20), st.integers(0, len(AM62X)))
def test_a_garbled_output_is_understood_or_refused(at: int, by: str, until: int) -> None:
    try:
        report = parse(AM62X[:at] + by + AM62X[until:])
    except MixnetError:
        return
    assert report.timed.count > 0
    assert report.timed.mean_ms >= 0


def test_its_command_line_says_what_ours_says_and_pins_by_a_mask() -> None:
    command = arguments("/f/benchmark_model", "/f/a.tflite", Options(4, 60, 1.5, 0, 90, (0, 7)))
    assert command[:3] == ["taskset", "81", "/f/benchmark_model"]
    assert set(command[3:]) == {
        "--graph=/f/a.tflite", "--num_threads=4", "--num_runs=60", "--min_secs=1.500000",
        "--max_secs=90", "--warmup_runs=1", "--warmup_min_secs=0", "--use_xnnpack=true",
    }  # fmt: skip
    assert arguments("./b", "a", Options(1, 1, 0.0, 5, 9))[0] == "./b"
