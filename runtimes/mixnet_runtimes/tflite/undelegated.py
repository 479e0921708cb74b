"""Why XNNPACK leaves an operator of a ``.tflite`` to the runtime's own kernels, as far as known.

Each row was tried on files of one operator with LiteRT 2.3 (the tests try them again). An operator
of another kind, or one left out for another reason, is not an error: the delegate has many
conditions.
"""

REASONS = {
    "SPLIT_V": "XNNPACK has no split by sizes, only SPLIT into 2 to 4 equal parts, and SLICE",
    "SPLIT": "XNNPACK splits into 2 to 4 equal parts",
    "CONCATENATION": "XNNPACK joins 2 to 5 tensors",
    "STRIDED_SLICE": "XNNPACK slices in steps of 1",
    "HARD_SWISH": "XNNPACK has it in float32, not in int8; swish (LOGISTIC and MUL) has both",
    "GELU": "XNNPACK has it in float32, not in int8",
    "SOFTMAX": "XNNPACK has it in float32, not in int8",
    "DIV": "XNNPACK has it in float32, not in int8",
    "MAXIMUM": "XNNPACK has it in float32, not in int8",
    "PRELU": "XNNPACK has it in float32, not in int8",
    "RELU": "XNNPACK has it in float32; in int8 fuse it into the operator before",
    "RELU6": "XNNPACK has it in float32; in int8 fuse it into the operator before",
    "DEPTHWISE_CONV_2D": (
        "XNNPACK does not support 8-bit weights with float32 activations (dynamic range)"
    ),
    "SQUEEZE": "not delegated; RESHAPE is",
    "EXPAND_DIMS": "not delegated; RESHAPE is",
    "PACK": "not delegated; CONCATENATION is",
    "UNPACK": "not delegated; SLICE is",
    "ADD_N": "not delegated; ADD is",
    "MIRROR_PAD": "not delegated; PAD with zeros is",
    "GATHER": "not delegated; SLICE is",
    "CAST": "not delegated",
}
"""TFLite's operator → why it may be outside; most are inside where the reason does not hold."""


def reasons_for(kinds: dict[str, int]) -> dict[str, str]:
    """The known reasons for the kinds that are outside.

    >>> reasons_for({"GATHER": 2, "ADD": 1})
    {'GATHER': 'not delegated; SLICE is'}
    """
    return {kind: REASONS[kind] for kind in kinds if kind in REASONS}
