"""``.tflite`` files with smaller stored weights only: nothing is calibrated.

``float16`` halves a file and computes in float32. ``int8-dynamic`` quarters it; convolutions and
dense layers then measure their inputs' ranges at run time and compute in int8.
"""

from typing import Any

import numpy as np

from mixnet_common import MixnetError
from mixnet_quantize.float16 import check_fits
from mixnet_quantize.tflite.quantize import quietly

KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def float16_tflite(content: bytes) -> bytes:
    """Weights as float16 behind a DEQUANTIZE, as TensorFlow's own converter writes them.

    XNNPACK unpacks them once, when it opens the file; biases stay float32. Raises MixnetError if
    a weight is too large for float16.
    """
    from ai_edge_quantizer import qtyping, recipe_manager

    _check_weights(content)
    recipe = recipe_manager.RecipeManager()
    for kernel in KERNELS:
        recipe.add_weight_only_config(
            ".*",
            qtyping.TFLOperationName[kernel],
            num_bits=16,
            algorithm_key=recipe_manager.AlgorithmName.FLOAT_CASTING,
        )
    return _apply(content, recipe)


def dynamic_tflite(content: bytes) -> bytes:
    """Weights in int8, one scale a channel; activations in float32 between the operators.

    XNNPACK has no depthwise convolution of this kind, so these compute in float32 from weights that
    it unpacks when it opens the file; as the kind itself they would cut the network into pieces.
    """
    from ai_edge_quantizer import qtyping, recipe_manager

    names, recipe = qtyping.TFLOperationName, recipe_manager.RecipeManager()
    for name in (names.CONV_2D, names.FULLY_CONNECTED):
        recipe.add_dynamic_config(".*", name, num_bits=8)
    recipe.add_weight_only_config(".*", names.DEPTHWISE_CONV_2D, num_bits=8)
    return _apply(content, recipe)


def _apply(content: bytes, recipe: Any) -> bytes:
    from ai_edge_quantizer import quantizer

    try:
        with quietly():
            job = quantizer.Quantizer(bytearray(content), recipe.get_quantization_recipe())
            result = job.quantize(enable_progress_bar=False, enable_progress_report=False)
    except (ValueError, RuntimeError) as error:
        raise MixnetError(f"the file cannot be quantized: {error}") from error
    return bytes(result.quantized_model)


def _check_weights(content: bytes) -> None:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for tensor in model.subgraphs[0].tensors:
        data = model.buffers[tensor.buffer].data
        if tensor.type == schema.TensorType.FLOAT32 and data is not None and len(data):
            check_fits(tensor.name.decode(), np.asarray(data, np.uint8).view(np.float32))
