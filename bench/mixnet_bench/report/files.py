"""How a report names the file of a result."""

import re
from dataclasses import replace

from mixnet_bench.report.record import (
    File,
)
from mixnet_bench.results.file_run import Given, Origin
from mixnet_common.json_object import clean
from mixnet_export.precisions import split_precision


def describe_file(name: str, origin: Origin | None, given: Given) -> File:
    """The identity of the file, from the campaign that wrote it, else from its name."""
    name = clean(name) or "unnamed"
    if origin is not None and origin.network is not None:
        return File(
            name,
            network=clean(origin.network),
            file_format=clean(origin.file_format or ""),
            precision=clean(origin.precision or ""),
            lowering=clean(origin.lowering or ""),
            classes=origin.classes or 0,
            resolution=origin.resolution or 0,
        )
    return replace(file_by_name(name), given=_sizes_given(given), inputs=_inputs_given(given))


def _sizes_given(given: Given) -> str:
    """Sizes and signature in words: ``x=1,20,30,3 large``."""
    shapes = given.shapes or {}
    words = [f"{clean(name)}={','.join(map(str, shape))}" for name, shape in shapes.items()]
    return " ".join([*words, *filter(None, [clean(given.signature or "")])])


def _inputs_given(given: Given) -> str:
    """Inputs in words: ``ids=0..49``, or the beginning of the values' hash."""
    words = []
    for name, one in (given.inputs or {}).items():
        value = clean(one.sha256 or "")[:8]
        if one.range is not None:
            value = f"{one.range[0]:.0f}..{one.range[1]:.0f}"
        words.append(f"{clean(name)}={value}")
    return " ".join(words)


def file_by_name(name: str) -> File:
    """The identity of a file by its name.

    >>> file_by_name("mixnet-s-int8.tflite").label
    'mixnet-s tflite int8'
    """
    found = re.fullmatch(r"(.*)\.(tflite|onnx)", name)
    if not found:
        return File(name, name, "", "")
    stem, form = found.groups()
    stem, precision = split_precision(stem)
    return File(name, stem, form, precision)
