"""Results for reports: documents as the commands print them, with numbers made up."""

import json
import os
from pathlib import Path
from typing import Any

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)> $\\frac{1$ =1+1 _"\'&'
"""A name that HTML, a formula's reader, a spreadsheet and a legend would each take amiss."""


def latency(
    network: str, form: str, precision: str, lowering: str, median: float, **more: Any
) -> dict[str, Any]:
    samples = [median * (1 + 0.01 * ((7 * index) % 11)) for index in range(12)]
    return {
        "name": f"{network}-{precision}.{form}",
        "origin": {
            "network": network,
            "file_format": form,
            "precision": precision,
            "lowering": lowering,
            "classes": 1000,
            "resolution": 224,
        },
        "size_bytes": 16_000_000 if precision == "float32" else 5_000_000,
        "runtime": "LiteRT",
        "runtime_version": "2.3.0",
        "target": "host",
        "threads": 1,
        "samples_ms": samples,
        "launches": [
            {"load_ms": 20.0, "count": 6, "median_ms": median},
            {"load_ms": 30.0, "count": 6, "median_ms": median},
        ],
        "first_ms": 2 * median,
        "median_ms": median,
        "median_ms_interval": [0.99 * median, 1.02 * median],
        "p90_ms": 1.1 * median,
        "verdict": "valid",
        "reasons": [],
        "settings": {"pin": None},
        "machine": {"cpu": "A CPU", "os": "Linux 6", "load_average_before": [0.1, 0.2, 0.3]},
        **more,
    }


def sized(target: dict[str, Any], **sizes: int) -> dict[str, Any]:
    """The same of a network with so many classes or pixels (``resolution``)."""
    return {**target, "origin": {**target["origin"], **sizes}}


def phone(target: dict[str, Any], model: str, emulated: bool) -> dict[str, Any]:
    return {
        **target,
        "target": "adb:1234",
        "emulated": emulated,
        "verdict": "emulated" if emulated else "valid",
        "reasons": ["it ran under emulation: its times are not valid"] if emulated else [],
        "device": {"manufacturer": "Maker", "model": model, "soc": "SoC 1"},
        "conditions": {"waited_to_cool_s": 3, "before": {"celsius": 31.5, "plugged": True}},
    }


def bursts(*megahertz: float | None) -> dict[str, Any]:
    """Two launches of two bursts on core 4, whose clock was known or not."""
    clocks = [{} if each is None else {"4": each * 1000, "0": 1.0} for each in megahertz]
    made = [
        {"count": 3, "cpu": [4, 4, 4], "khz_before": clock, "khz_after": clock} for clock in clocks
    ]
    return {
        "launches": [
            {"load_ms": 20.0, "count": 6, "median_ms": 10.0, "bursts": made[:2]},
            {"load_ms": 20.0, "count": 6, "median_ms": 10.0, "bursts": made[2:]},
        ]
    }


def against(baseline: str, ratio: float, **more: Any) -> dict[str, Any]:
    return {
        "name": baseline,
        "side_by_side": True,
        "ratio": ratio,
        "interval": [ratio - 0.01, ratio + 0.01],
        "smallest_difference": 0.012,
        "conclusion": "slower",
        "reason": None,
        **more,
    }


def sustained(throttled_after_s: float | None) -> dict[str, Any]:
    return {
        "duration_s": 600.0,
        "burst_ms": 20.0,
        "plateau_ms": 30.0,
        "plateau_over_burst": 1.5,
        "throttled_after_s": throttled_after_s,
        "windows": [
            {"start_s": 5.0 * index, "median_ms": 20.0 + index / 12} for index in range(120)
        ],
    }


def profile(*categories: tuple[str, float]) -> dict[str, Any]:
    return {"categories": [{"category": name, "time_us": us} for name, us in categories]}


def count(network: str, partitions: int) -> dict[str, Any]:
    return {
        "name": f"{network}.tflite",
        "source": "tflite",
        "params": 4_118_510,
        "macs": 239_173_360,
        "macs_by_convention": {},
        "layers": [],
        "partitions": partitions,
        "delegation": {
            "inside": 100,
            "outside": partitions - 1,
            "outside_kinds": {"SPLIT_V": partitions - 1} if partitions > 1 else {},
            "outside_reasons": {"SPLIT_V": "no delegate takes it"} if partitions > 1 else {},
        },
    }


def parity() -> dict[str, Any]:
    return {
        "name": "mixnet-s-int8.tflite",
        "files": [{"name": "mixnet-s.tflite"}, {"name": "mixnet-s-int8.tflite"}],
        "images": 500,
        "agreement_percent": 97.4,
        "top1": {"loss_points": 0.4, "loss_points_interval": [-0.2, 1.0]},
    }


def document(*targets: dict[str, Any]) -> dict[str, Any]:
    return {"format": 1, "targets": list(targets)}


def save(path: Path, *targets: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(*targets)), encoding="utf-8")
    return path


def save_step(
    path: Path, kind: str, name: str, written_s: int, *targets: dict[str, Any], **inputs: Any
) -> Path:
    """A campaign's result of a step, as if written so many seconds after 1970."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"kind": kind, "name": name, "key": path.stem, "seconds": 1.0, "inputs": inputs}
    path.write_text(json.dumps({**document(*targets), "step": about}), encoding="utf-8")
    os.utime(path, (written_s, written_s))
    return path


def save_all(folder: Path) -> Path:
    """A folder with some of everything: two hosts' worth of files, an emulator, a hostile phone."""
    names = ("mixnet-s", "mixnet-m", "mobilenet-v2", "resnet-152")
    hosts = [
        latency(name, "tflite", precision, lowering, 10.0 + 5 * index + 2 * len(lowering) % 7)
        for index, name in enumerate(names)
        for precision in ("float32", "int8")
        for lowering in ("default", "reference")
    ]
    hosts[0]["profile"] = profile(
        ("depthwise 3×3", 900.0), ("depthwise 7×7, pieces", 700.0), ("convolution 1×1", 5000.0)
    )
    phones = [
        phone(latency(name, "tflite", "float32", "default", 20.0 + index), model, emulated)
        for index, name in enumerate(names[:2])
        for model, emulated in ((HOSTILE, False), ("Emulator", True))
    ]
    phones[0] |= {**bursts(1800, 1800, None, 1200), "sustained": sustained(90.0)}
    phones[2]["against"] = against(f"{HOSTILE}.tflite", 1.2)
    save(folder / "host.json", *hosts)
    save(folder / "phone.json", *phones)
    save(folder / "rest.json", count("mixnet-s", 1), count("mixnet-l", 35), parity())
    return folder
