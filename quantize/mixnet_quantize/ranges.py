"""Ranges of activations: the least and greatest value of every tensor over calibration inputs."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ranges = Mapping[str, tuple[float, float]]
"""Least and greatest value by the tensor's name."""


def tflite_ranges(
    content: bytes, name: str, samples: Iterable[NDArray[Any]], *, threads: int = 2
) -> dict[str, tuple[float, float]]:
    """Run a float32 ``.tflite`` on each input and note every activation's least and greatest value.

    ``name`` is the input tensor's name, which is also the signature's in files written here.
    One input is in memory at a time. No delegate is used: inside one, tensors have no values.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    with warnings.catch_warnings():
        # It warns that keeping all tensors takes memory; reading them is the purpose here.
        warnings.simplefilter("ignore", UserWarning)
        interpreter = Interpreter(
            model_content=content,
            num_threads=threads,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
    interpreter.allocate_tensors()
    (entry,) = (each for each in interpreter.get_input_details() if each["name"] == name)
    activations = _activations(interpreter)
    ranges = dict.fromkeys(activations.values(), (np.inf, -np.inf))
    for sample in samples:
        interpreter.set_tensor(entry["index"], sample)
        interpreter.invoke()
        for index, tensor in activations.items():
            values = interpreter.get_tensor(index)
            low, high = ranges[tensor]
            ranges[tensor] = (min(low, float(values.min())), max(high, float(values.max())))
    return ranges


def _activations(interpreter: Any) -> dict[int, str]:
    """Index and name of every tensor that an operator computes, and of the inputs."""
    computed = {index for op in interpreter._get_ops_details() for index in op["outputs"]}
    entries = {details["index"] for details in interpreter.get_input_details()}
    return {
        details["index"]: details["name"]
        for details in interpreter.get_tensor_details()
        if details["index"] in computed | entries
    }
