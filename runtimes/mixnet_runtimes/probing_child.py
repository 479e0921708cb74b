"""Answers the queries of ``probing`` in a child: files that may crash a runtime are opened here."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_common import MixnetError
from mixnet_runtimes import registry
from mixnet_runtimes.child_process import Tell
from mixnet_runtimes.inputs import made_up
from mixnet_runtimes.selection import AS_IT_IS, Selection, from_json
from mixnet_runtimes.tflite import fix as tflite_fix


def run(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Open a file and run it on generated inputs; the outputs are discarded."""
    session = _open(request, tell)
    rng = np.random.default_rng(0)
    try:
        inputs = [made_up(session.path.name, each, rng) for each in session.inputs]
    except MixnetError:
        return {}  # texts and other types that cannot be made up
    tell("running", f"{session.runtime} {session.version}")
    session.set_inputs(inputs)
    try:
        session.invoke()
    except MixnetError:
        # Whole numbers may be indices, which made-up ones do not fit.
        if all(each.dtype.kind == "f" for each in inputs):
            raise
    return {}


def partitions(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """The fields of the Delegation that the first installed runtime makes of a file."""
    path, selection = _use(request)
    tell("opening", registry.runtime_name(path, None))
    return asdict(registry.partitions(path, selection))


def sizes(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """The sizes of all tensors of a ``.tflite`` file, in a run on zeros."""
    path, selection = _use(request)
    tell("running", registry.runtime_name(path, None))
    return {"sizes": list(tflite_fix.sizes_when_run(path, selection).items())}


def fixed_sizes(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """The sizes of all tensors of a ``.tflite`` file whose inputs have those of a selection."""
    path, selection = _use(request)
    tell("resizing", registry.runtime_name(path, None))
    return {"sizes": list(tflite_fix.fixed_sizes(path, selection).items())}


def _open(request: Mapping[str, Any], tell: Tell) -> Any:
    path, selection = _use(request)
    tell("opening", registry.runtime_name(path, request["runtime"]))
    return registry.open_session(path, runtime=request["runtime"], selection=selection)


def _use(request: Mapping[str, Any]) -> tuple[Path, Selection]:
    selection = request.get("selection")
    return Path(request["path"]), AS_IT_IS if selection is None else from_json(selection)
