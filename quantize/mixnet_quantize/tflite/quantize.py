"""int8 ``.tflite`` files by ai-edge-quantizer: weights per channel, our own ranges."""

import io
import logging
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_quantize.activations.observe import TFLITE, observe
from mixnet_quantize.calibration.ranges import Ranges, activation_ranges
from mixnet_quantize.calibration.seen import Extremes
from mixnet_quantize.corrections.bias_scales import Int8File
from mixnet_quantize.settings import DEFAULT, Settings
from mixnet_quantize.tflite.bias_scales import fit_biases_tflite
from mixnet_quantize.tflite.delegable import requantize_relus


def calibrate_tflite(
    content: bytes,
    name: str,
    samples: Iterable[NDArray[Any]],
    settings: Settings = DEFAULT,
    seen: dict[str, Extremes] | None = None,
) -> Ranges:
    """The ranges of a float32 file's tensors over inputs (batch, h, w, channels).

    ``name`` is the file's input. They hold for any choice of layers that stay in float32. ``seen``,
    if given, gets each sample's extremes in every tensor. Raises UsageError if the settings name
    a layer that is not in the file, before any input is taken.
    """
    settings.check_layers(operator_names(content))
    return activation_ranges(observe(content, TFLITE), name, samples, settings, seen)


def apply_tflite(content: bytes, ranges: Ranges, settings: Settings = DEFAULT) -> Int8File:
    """Quantize a float32 file to int8, its tensors' ranges being known; every bias fits.

    Raises UsageError if the settings name a layer that is not in the file, MixnetError if
    the quantizer refuses the file.
    """
    from ai_edge_quantizer import quantizer

    operators = operator_names(content)
    settings.check_layers(operators)
    try:
        with quietly():
            job = quantizer.Quantizer(bytearray(content), _recipe(operators, settings))
            result = job.quantize(
                _statistics(ranges), enable_progress_bar=False, enable_progress_report=False
            )
    except (ValueError, RuntimeError) as error:
        raise MixnetError(f"the file cannot be quantized: {error}") from error
    fitted = fit_biases_tflite(content, bytes(result.quantized_model))
    return replace(fitted, content=requantize_relus(fitted.content))


def _statistics(ranges: Ranges) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Ranges in the quantizer's form, replacing its own moving averages."""
    return {
        name: {"min": np.array([low], np.float32), "max": np.array([high], np.float32)}
        for name, (low, high) in ranges.items()
    }


def operator_names(content: bytes) -> tuple[str, ...]:
    """The names of a file's operators: their first outputs."""
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.ModelT.InitFromPackedBuf(content, 0).subgraphs[0]
    return tuple(graph.tensors[each.outputs[0]].name.decode() for each in graph.operators)


def _recipe(operators: Sequence[str], settings: Settings) -> Any:
    """Static int8 for every operator but those that are to stay in float32.

    Average pooling is one of those, unless integers are requested throughout. What enters and
    leaves the file is then left alone, too. The quantizer finds an operator by the names of its
    outputs, a semicolon behind each.
    """
    from ai_edge_quantizer import qtyping, recipe_manager

    names, algorithms = qtyping.TFLOperationName, recipe_manager.AlgorithmName
    recipe = recipe_manager.RecipeManager()
    recipe.add_static_config(".*", names.ALL_SUPPORTED, activation_num_bits=8, weight_num_bits=8)
    floating = "|".join(re.escape(each) for each in operators if settings.is_float(each))
    if floating:
        recipe.add_quantization_config(
            f"^(?:{floating});", names.ALL_SUPPORTED, algorithm_key=algorithms.NO_QUANTIZE
        )
    if not settings.integer_io:
        # XNNPACK averages in float32 only; integers throughout are for those that take no floats.
        recipe.add_quantization_config(
            ".*", names.AVERAGE_POOL_2D, algorithm_key=algorithms.NO_QUANTIZE
        )
        for end in (names.INPUT, names.OUTPUT):
            recipe.add_quantization_config(".*", end, algorithm_key=algorithms.NO_QUANTIZE)
    return recipe.get_quantization_recipe()


@contextmanager
def quietly() -> Iterator[None]:
    """The quantizer shows bars, logs its steps and warns of its own interpreter's memory."""
    log = logging.getLogger("absl")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
