from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_models import conv_onnx, conv_tflite, split_tflite

from mixnet_common import MixnetError
from mixnet_runtimes import FORMATS, open_session, read_file

FOREIGN = {
    "empty": b"",
    "text": b"not a model\n" * 20,
    "zeros": bytes(500),
    "png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "identifier alone": b"\x08\x00\x00\x00TFL3",
}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_refused_by_name(tmp_path: Path, suffix: str, kind: str) -> None:
    path = tmp_path / f"foreign{suffix}"
    path.write_bytes(FOREIGN[kind])
    for look in (read_file, open_session):
        with pytest.raises(MixnetError, match="foreign") as error:
            look(path)
        assert error.value.exit_status == 1
        assert error.value.hint


@pytest.mark.parametrize(("suffix", "write"), [(".tflite", conv_tflite), (".onnx", conv_onnx)])
def test_every_truncation_is_refused(tmp_path: Path, suffix: str, write: object) -> None:
    whole = write(tmp_path / f"whole{suffix}").read_bytes()  # type: ignore[operator]
    path = tmp_path / f"cut{suffix}"
    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        with pytest.raises(MixnetError, match="cut"):
            read_file(path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    folder = tmp_path_factory.mktemp("sound")
    return {
        ".tflite": [
            conv_tflite(folder / "a.tflite").read_bytes(),
            split_tflite(folder / "b.tflite").read_bytes(),
        ],
        ".onnx": [conv_onnx(folder / "a.onnx").read_bytes()],
    }


@pytest.mark.parametrize("suffix", FORMATS)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_flipped_bytes_end_in_contents_or_in_our_error(
    sound: dict[str, list[bytes]], tmp_path: Path, suffix: str, data: st.DataObject
) -> None:
    raw = bytearray(data.draw(st.sampled_from(sound[suffix])))
    flips = st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255))
    for position, value in data.draw(st.lists(flips, min_size=1, max_size=6)):
        raw[position] = value
    path = tmp_path / f"flipped{suffix}"
    path.write_bytes(bytes(raw))
    with suppress(MixnetError):
        assert read_file(path).operators


def test_a_name_that_is_no_text_is_our_error(tmp_path: Path) -> None:
    path = split_tflite(tmp_path / "m.tflite")
    path.write_bytes(path.read_bytes().replace(b"done3", b"don\xff3"))
    with pytest.raises(MixnetError, match=r"cannot open .*m\.tflite"):
        open_session(path)
