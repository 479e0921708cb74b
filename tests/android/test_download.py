"""Pinned files are fetched as they should be, or not at all: against a small server here."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mixnet_android.libraries.download import Pinned, fetch, pinned_files, pinned_for
from mixnet_android.libraries.store import APIS, PLATFORMS
from mixnet_common import MixnetError, UsageError

CONTENT = bytes(range(256)) * 500
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Answers(BaseHTTPRequestHandler):
    """Each path misbehaves in its own way."""

    def do_GET(self) -> None:
        path = self.path.strip("/")
        if path in ("away", "loop", "to-file"):
            self.send_response(302)
            places = {"away": "/good", "loop": "/loop", "to-file": "file:///etc/passwd"}
            self.send_header("Location", places[path])
            self.end_headers()
        elif path == "missing":
            self.send_error(404)
        elif path == "rude":
            self.send_response(500, "\x1b[2Jcleared")
            self.end_headers()
        elif path == "boastful":
            self.send_response(200)
            self.send_header("Content-Length", "9" * 5000)
            self.end_headers()
            self.wfile.write(CONTENT)
        else:
            self.send_response(200)
            if path != "endless":
                self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write({"truncated": CONTENT[:-9], "endless": CONTENT * 3}.get(path, CONTENT))

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def pinned(url: str) -> Pinned:
    size = len(CONTENT)
    return Pinned("f.aar", "litert", "1.0", ("android-arm64",), url, sha256=SHA256, size_bytes=size)


@pytest.mark.parametrize("path", ["good", "away", "boastful"])
def test_the_right_file_is_kept_whatever_the_server_says(
    server: str, tmp_path: Path, path: str
) -> None:
    came: list[int] = []
    file = fetch(pinned(f"{server}/{path}"), tmp_path, report=came.append)
    assert file.read_bytes() == CONTENT
    assert sum(came) == len(CONTENT)


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("truncated", "ended after"),
        ("endless", "more than"),
        ("missing", "Not Found"),
        ("loop", "redirect"),
        ("to-file", "not allowed"),
        ("rude", "cannot download .*cleared"),
    ],
)
def test_anything_else_leaves_nothing_behind(
    server: str, tmp_path: Path, path: str, complaint: str
) -> None:
    with pytest.raises(MixnetError, match=complaint) as caught:
        fetch(pinned(f"{server}/{path}"), tmp_path)
    assert caught.value.message.isprintable()
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_another_hash_is_thrown_away(server: str, tmp_path: Path) -> None:
    with pytest.raises(MixnetError, match="not the file that was expected"):
        fetch(replace(pinned(f"{server}/good"), sha256="0" * 64), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nobody_answering_is_told(tmp_path: Path) -> None:
    with pytest.raises(MixnetError, match="cannot download"):
        fetch(pinned("http://127.0.0.1:9/x"), tmp_path)


def test_without_a_known_hash_nothing_is_fetched(server: str, tmp_path: Path) -> None:
    unknown = replace(pinned(f"{server}/good"), sha256=None)
    with pytest.raises(UsageError, match="not known"):
        fetch(unknown, tmp_path)
    with pytest.raises(UsageError, match="not a SHA-256"):
        fetch(unknown, tmp_path, "beef")
    assert fetch(unknown, tmp_path, SHA256.upper()).read_bytes() == CONTENT


def test_a_given_hash_does_not_overrule_a_pinned_one(server: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="that differs from --sha256"):
        fetch(pinned(f"{server}/good"), tmp_path, "0" * 64)


def test_every_pinned_file_is_told_well() -> None:
    for each in pinned_files():
        assert each.api in APIS
        assert set(each.platforms) <= set(PLATFORMS)
        assert (each.url is None) != (each.requirement is None)
        assert each.url is None or each.url.startswith("https://")
        assert each.url is None or each.url.endswith(each.name)
        assert each.sha256 is None or len(each.sha256) == 64
        assert each.version in each.name or each.name.endswith(".tgz")  # of npm: its own version


def test_phones_and_boards_have_a_file_for_each_runtime() -> None:
    for platform in ("android-arm64", "linux-arm64"):
        assert pinned_for("litert", platform)
        assert pinned_for("onnxruntime", platform)
