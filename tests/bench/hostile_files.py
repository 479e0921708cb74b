"""Every kind of hostile value in every file that a command reads, tried in one process of its own.

``python hostile_files.py FOLDER`` makes the files in FOLDER, runs the commands and prints what each
came to, as JSON. It never trusts them: every command has an alarm and the process a limit of
memory, so that what is tested cannot take the machine along.
"""

import contextlib
import hashlib
import json
import os
import resource
import signal
import stat
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

sys.path.append(str(Path(__file__).parent))  # for little_classifier, made_up_results

LIMIT_BYTES = 6 << 30
"""Of address space: runtimes reserve much of it and touch little."""

ALARM_S = 60

DIGITS = "9" * 400
DEEP = "[" * 100_000

SPECIAL = ("fifo", "zero")
"""Kinds that are not content but another kind of file."""

NUMBERS = {"digits": DIGITS, "infinite": "1e999", "tiny": "5e-324", "nan": "NaN"}
LONG = "long"
"""A path whose last part no file system takes."""

KINDS = (*NUMBERS, "type", "deep", "nul", *SPECIAL, LONG)

Values = Mapping[str, str]
"""The text of a file by the kind of what is wrong in it."""

Run = Callable[[Path], Sequence[object]]
"""The command line for a file; the first word is the command's, of mixnet-export where marked."""


def result(target: Mapping[str, Any], key: str) -> Values:
    """A result with one value replaced, of ``target`` as it would be right."""
    mark = "@@"
    text = json.dumps({"format": 1, "targets": [{**target, key: mark}]}).replace(f'"{mark}"', "%s")
    whole = {kind: text.replace("%s", value) for kind, value in NUMBERS.items()}
    whole["type"] = text.replace("%s", '{"a": []}')
    whole["deep"] = text.replace("%s", DEEP)
    whole["nul"] = save({**target, "path": "a\0b"})
    return whole


def toml(text: str, wrong: str, nul: str) -> Values:
    """A TOML with ``%s`` replaced; ``wrong`` is of another type, ``nul`` a whole text."""
    numbers = {**NUMBERS, "nan": "nan", "type": wrong, "deep": DEEP}
    return {**{kind: text.replace("%s", value) for kind, value in numbers.items()}, "nul": nul}


def save(target: Mapping[str, Any]) -> str:
    return json.dumps({"format": 1, "targets": [target]})


def latency_target() -> dict[str, Any]:
    from made_up_results import latency

    return {**latency("mixnet-s", "tflite", "float32", "default", 10.0), "path": "a.tflite"}


def parity_target() -> dict[str, Any]:
    names = ("mixnet-s.tflite", "b.tflite")
    files = [{"name": name, "path": f"out/{name}"} for name in names]
    top1 = {"first_percent": 75.0, "second_percent": 74.0}
    return {"files": files, "images": 50_000, "classes": 1000, "top1": top1, "top5": None}


def nul_in_parity() -> str:
    target = parity_target()
    target["files"][0]["path"] = "a\0b"
    return save(target)


class Scene:
    """What the commands need beside the hostile file, made once in a folder."""

    def __init__(self, folder: Path) -> None:
        from little_classifier import export_tiny
        from PIL import Image

        self.folder = folder
        self.models = [export_tiny(folder, form) for form in ("tflite", "onnx")]
        self.photos = folder / "photos"
        self.photos.mkdir()
        for index in range(3):
            shade = (60 * index, 255 - 60 * index, 120)
            Image.new("RGB", (40, 36), shade).save(self.photos / f"{index}.png")
        self.photo = self.photos / "0.png"
        self.state = folder / "state.jsonl"
        done = invoke(self.parity("--unlabelled", "--state", self.state))
        assert done["status"] == 0, done

    def parity(self, *options: object) -> Sequence[object]:
        return ("bench", "parity", *self.models, "--data", self.photos, "--jobs", 1, *options)

    def states(self) -> Values:
        """The second of three records with one value replaced."""
        header, machine, first, second, third = self.state.read_text().splitlines()
        record = json.loads(second)
        values = {}
        for kind, value in {**NUMBERS, "type": '"x"', "deep": DEEP, "nul": '"a\\u0000b"'}.items():
            if kind in ("infinite", "nan"):
                changed = {**record, "error": ["@@", *record["error"][1:]]}
            else:
                changed = {**record, "image": "@@"}
            wrong = json.dumps(changed).replace('"@@"', value)
            values[kind] = "\n".join((header, machine, first, wrong, third)) + "\n"
        return values

    def truths(self) -> Values:
        values = {**NUMBERS, "type": "", "deep": DEEP, "nul": "0\0"}
        return {kind: f"0.png,0\n1.png,{value}\n2.png,2\n" for kind, value in values.items()}

    def with_metadata(self, key: str, text: str, path: Path) -> None:
        """The ``.onnx`` or ``.tflite`` with an entry of metadata replaced."""
        form = path.suffix
        if form == ".onnx":
            import onnx

            model = onnx.load(self.models[1])
            kept = {each.key: each.value for each in model.metadata_props}
            onnx.helper.set_model_props(model, {**kept, key: text})
            path.write_bytes(model.SerializeToString())
            return
        import numpy as np
        from ai_edge_litert import schema_py_generated as schema

        from mixnet_runtimes.tflite.pack import gather_buffers, pack

        content = self.models[0].read_bytes()
        model = schema.ModelT.InitFromPackedBuf(content)
        gather_buffers(model, content)
        (entry,) = (each for each in model.metadata if each.name == key.encode())
        model.buffers[entry.buffer].data = np.frombuffer(text.encode(), np.uint8)
        path.write_bytes(pack(schema, model))


QUANTIZATION = '{"logits": {"scale": 1.0, "zero_point": %s}}'
PREPROCESSING = '{"mean": [1.0, 1.0, 1.0], "std": [%s, 1.0, 1.0]}'


def metadata(text: str, nul: str) -> Values:
    values = {**NUMBERS, "type": '"x"', "deep": DEEP}
    return {**{kind: text.replace("%s", value) for kind, value in values.items()}, "nul": nul}


NETWORK = """
source = "a test"
stem = { channels = 8 }
[[stages]]
out = 8
kernels = [3]
expand = %s
"""
LOWERING = '[general]\ntiling = "rows"\nmerge = %s\n'
CAMPAIGN = 'networks = [{ name = "mixnet-s", multiplier = %s }]\n'


def cases(scene: Scene) -> Iterator[tuple[str, str, Path, Sequence[object]]]:
    """Reader, kind, the hostile file, and the command that reads it."""
    out = scene.folder / "out"
    texts: Mapping[str, tuple[str, Values, Run]] = {
        "report": (
            "r.json",
            result(latency_target(), "median_ms"),
            lambda path: ("bench", "report", path, "--csv"),
        ),
        "against": (
            "b.json",
            {
                **result(latency_target(), "samples_ms"),
                "tiny": save({**latency_target(), "samples_ms": [5e-324] * 12}),
            },
            lambda path: ("bench", "latency", scene.models[1], "--against", path),
        ),
        "paper": (
            "p.json",
            {**result(parity_target(), "images"), "nul": nul_in_parity()},
            lambda path: ("bench", "paper", "table2", "--results", path),
        ),
        "state": (
            "s.jsonl",
            scene.states(),
            lambda path: scene.parity("--unlabelled", "--state", path),
        ),
        "truth": ("t.csv", scene.truths(), lambda path: scene.parity("--truth", path)),
        "lowering": (
            "l.toml",
            toml(LOWERING, "[[1]]", '[blocks."a\\u0000b"]\nmerge = "all"\n'),
            lambda path: ("export", "onnx", scene.folder / "little.toml", "--lowering", path,
                          "-o", out),
        ),
        "network": (
            "n.toml",
            toml(NETWORK, '"x"', NETWORK.replace("%s", "1.0") + '[head]\nscaling = "a\\u0000b"\n'),
            lambda path: ("bench", "count", path),
        ),
        "campaign": (
            "c.toml",
            toml(CAMPAIGN, "[1]", 'networks = ["a\\u0000b"]\n'),
            lambda path: ("bench", "run", path, "-o", out, "--dry-run"),
        ),
        "campaign folder": (
            "done/results/latency-a.json",
            result(latency_target(), "median_ms"),
            lambda path: ("bench", "report", path.parent.parent, "--csv"),
        ),
    }  # fmt: skip
    for reader, (name, values, run) in texts.items():
        for kind in KINDS:
            path = place(scene.folder / reader, kind, name)
            write(path, kind, values.get(kind, ""))
            yield reader, kind, path, run(path)
    nul = '{"interpolation": "a\\u0000b"}'
    models: Mapping[str, tuple[str, str, Values]] = {
        "onnx quantization": (".onnx", "mixnet.quantization", metadata(QUANTIZATION, '"a\\u0000"')),
        "onnx preprocessing": (".onnx", "mixnet.preprocessing", metadata(PREPROCESSING, nul)),
        "tflite preprocessing": (".tflite", "mixnet.preprocessing", metadata(PREPROCESSING, nul)),
    }
    for reader, (ending, key, values) in models.items():
        for kind in KINDS:
            path = place(scene.folder / reader, kind, f"{key}{ending}")
            if kind in values:
                scene.with_metadata(key, values[kind], path)
            else:
                write(path, kind, "")
            yield reader, kind, path, ("bench", "classify", path, scene.photo)


def more_files(scene: Scene) -> Iterator[tuple[str, str, Path, Sequence[object]]]:
    """All other options that name a file: special files, and a name that is too long."""
    out = scene.folder / "out"
    classify = ("bench", "classify", scene.models[1])
    export = ("export", "onnx", scene.folder / "little.toml", "-o", out)
    truth = scene.folder / "truth.csv"
    truth.write_text("0.png,0\n1.png,1\n2.png,2\n")
    weights = ("w.safetensors", "w.weights.h5", "w.keras", "w.pth", "w.tar.gz", "w.ckpt.index")
    commands: Mapping[str, tuple[str, Run]] = {
        "image": ("i.png", lambda path: (*classify, path)),
        "labels": ("l.txt", lambda path: (*classify, scene.photo, "--labels", path)),
        "preprocessing": ("p.toml", lambda path: (*classify, scene.photo, "--preprocessing", path)),
        "classes": ("c.txt", lambda path: scene.parity("--truth", truth, "--labels", path)),
        "synsets": ("s.txt", lambda path: scene.parity("--truth", truth, "--synsets", path)),
        "count": ("m.tflite", lambda path: ("bench", "count", path)),
        "latency": ("m.onnx", lambda path: ("bench", "latency", path)),
        "parity": ("m.onnx", lambda path: ("bench", "parity", scene.models[0], path, "--data",
                                           scene.photos)),
        "runtime": ("r.aar", lambda path: ("bench", "devices", "add-runtime", path)),
        "library": ("lib.so", lambda path: ("bench", "devices", "add-runtime", path)),
        "images": ("data/i.png", lambda path: ("bench", "parity", *scene.models, "--data",
                                               path.parent, "--unlabelled")),
        "calibration": ("cal/i.png", lambda path: (*export, "--precision", "int8", "--calibrate",
                                                   path.parent)),
        **{
            f"weights {name}": (name, lambda path: (*export, "--weights", path))
            for name in weights
        },
    }  # fmt: skip
    for reader, (name, run) in commands.items():
        for kind in (*SPECIAL, LONG):
            path = place(scene.folder / reader, kind, name)
            write(path, kind, "")
            yield reader, kind, path, run(path)


def place(folder: Path, kind: str, name: str) -> Path:
    """Where the hostile file lies; folders that its name has are made."""
    path = folder / kind / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name("n" * 300 + path.name) if kind == LONG else path


def write(path: Path, kind: str, text: str) -> None:
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "zero":
        path.symlink_to("/dev/zero")
    elif kind != LONG:
        path.write_text(text)


def invoke(words: Sequence[object]) -> dict[str, Any]:
    """Run a command here; how it ended, what it said, and what it took."""
    from click.testing import CliRunner

    from mixnet_bench.cli import main as bench
    from mixnet_common.memory import peak_memory
    from mixnet_export.cli import main as export

    program, *arguments = map(str, words)
    reset_peak()
    began = time.process_time()
    signal.alarm(ALARM_S)
    done = CliRunner().invoke({"bench": bench, "export": export}[program], arguments)
    signal.alarm(0)
    escaped = done.exception
    known = escaped is None or isinstance(escaped, SystemExit)
    return {
        "status": done.exit_code,
        "said": done.stderr[-3000:],
        "seconds": time.process_time() - began,
        "peak_mb": (peak_memory() or 0) / 1e6,
        "escaped": "" if known else "".join(traceback.format_exception(escaped))[-3000:],
    }


def reset_peak() -> None:
    """Let the peak of memory be counted anew, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def look(path: Path) -> list[object]:
    """What a file is, so that any change shows."""
    try:
        about = path.lstat()
    except OSError as error:
        return [str(error)]
    regular = stat.S_ISREG(about.st_mode)
    content = hashlib.sha256(path.read_bytes()).hexdigest() if regular else ""
    return [about.st_mode, about.st_mtime_ns, about.st_size, content]


def end(*_: object) -> NoReturn:
    raise TimeoutError(f"no end after {ALARM_S} s")


def main() -> None:
    """Try everything and print it."""
    signal.signal(signal.SIGALRM, end)
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    folder = Path(sys.argv[1])
    os.environ["MIXNET_HOME"] = str(folder / "home")
    scene = Scene(folder)
    found = []
    for reader, kind, path, words in chain(cases(scene), more_files(scene)):
        before = look(path)
        done = invoke(words)
        found.append({"reader": reader, "kind": kind, "file": path.name, **done,
                      "changed": look(path) != before})  # fmt: skip
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
