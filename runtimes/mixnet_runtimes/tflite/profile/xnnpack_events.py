"""Which operator of a ``.tflite`` each event of XNNPACK's profiler belongs to.

XNNPACK names an event by its kernel and keeps the order of the file, but fuses some operators,
omits others and runs some in several steps. Both lists are therefore aligned like two texts, with
the lowest cost. Pure functions over names.
"""

from collections.abc import Sequence

CONVOLUTION = ("Convolution", "Fully Connected")
COPY = ("Copy", "Static Reshape", "Slice")

EVENTS: dict[str, tuple[str, ...]] = {
    "ABS": ("Abs",),
    "ADD": ("Add",),
    "AVERAGE_POOL_2D": ("Average Pooling", "Mean", "Sum"),
    "BATCH_MATMUL": ("Batch Matrix Multiply",),
    "CEIL": ("Ceiling",),
    "CONCATENATION": COPY,
    "CONV_2D": CONVOLUTION,
    "COS": ("Cosine",),
    "DEPTHWISE_CONV_2D": CONVOLUTION,
    "DEPTH_TO_SPACE": ("Depth To Space", "Transpose"),
    "DEQUANTIZE": ("Convert",),
    "DIV": ("Divide",),
    "ELU": ("ELU",),
    "EXP": ("Exp",),
    "EXPAND_DIMS": ("Static Expand Dims", *COPY),
    "FLOOR": ("Floor",),
    "FULLY_CONNECTED": ("Fully Connected", "Dynamic Fully Connected", "Convert", "Static Reshape"),
    "GELU": ("GELU", "ApproxGELU"),
    "HARD_SWISH": ("HardSwish",),
    "LEAKY_RELU": ("LeakyReLU",),
    "LOG": ("Log",),
    # "Invalid Unary Op" is what XNNPACK calls a table in int8: a sigmoid, or a sigmoid with the
    # multiplication that follows it.
    "LOGISTIC": ("Sigmoid", "Invalid Unary Op"),
    "MAXIMUM": ("Maximum",),
    "MAX_POOL_2D": ("Max Pooling",),
    "MEAN": ("Mean", "Sum"),
    "MINIMUM": ("Minimum",),
    "MUL": ("Multiply",),
    "NEG": ("Negate",),
    "PAD": ("Constant Pad",),
    "PADV2": ("Constant Pad",),
    "PRELU": ("PReLU",),
    "QUANTIZE": ("Convert",),
    "RELU": ("Clamp",),
    "RELU6": ("Clamp",),
    "RELU_0_TO_1": ("Clamp",),
    "RELU_N1_TO_1": ("Clamp",),
    "RESHAPE": COPY,
    "RESIZE_BILINEAR": ("Resize Bilinear",),
    "ROUND": ("Bankders Rounding",),  # sic
    "RSQRT": ("Reciprocal Square Root",),
    "SIN": ("Sine",),
    "SLICE": COPY,
    "SOFTMAX": ("Softmax",),
    "SPACE_TO_DEPTH": ("Space To Depth", "Transpose"),
    "SPLIT": COPY,
    "SQRT": ("Square Root",),
    "SQUARE": ("Square",),
    "SQUARED_DIFFERENCE": ("Squared Difference",),
    "SQUEEZE": COPY,
    "STRIDED_SLICE": COPY,
    "SUB": ("Subtract",),
    "SUM": ("Sum",),
    "TANH": ("TanH", "Invalid Unary Op"),
    "TRANSPOSE": ("Transpose",),
    "TRANSPOSE_CONV": ("Deconvolution",),
}
"""TFLite's operator → how the names of its events begin."""

ACTIVATION = "Clamp"
"""Event of an activation that is fused into an operator of the file but not into its kernel."""

CONTINUED = 1
"""Cost of a further event of the same operator: SPLIT copies once for each part."""
LEFT_OUT = 2
"""Cost of an operator without an event: fused into another, or nothing to do."""
UNKNOWN = 3
"""Cost of an event that belongs to no operator."""


def align(kinds: Sequence[str], events: Sequence[str]) -> list[int | None]:
    """For each event the index of its operator in ``kinds``, or None; indices never decrease.

    >>> align(["CONV_2D", "LOGISTIC", "MUL", "ADD"], ["Fully Connected (NC)", "Sigmoid", "Add"])
    [0, 1, 3]
    """
    costs = _costs(kinds, events)
    found: list[int | None] = [None] * len(events)
    operator, event = len(kinds), len(events)
    while event:
        cost = costs[operator][event]
        kind = kinds[operator - 1] if operator else ""
        if belongs(kind, events[event - 1]) and cost == costs[operator - 1][event - 1]:
            operator, event = operator - 1, event - 1
            found[event] = operator
        elif continues(kind, events[event - 1]) and cost == costs[operator][event - 1] + CONTINUED:
            event -= 1
            found[event] = operator - 1
        elif operator and cost == costs[operator - 1][event] + LEFT_OUT:
            operator -= 1
        else:
            event -= 1
    return found


def belongs(kind: str, event: str) -> bool:
    """Whether XNNPACK may run that kind of operator under that event's name."""
    return event.startswith(EVENTS.get(kind, ()))


def continues(kind: str, event: str) -> bool:
    """Whether that event may follow another of the same operator."""
    return bool(kind) and (belongs(kind, event) or event.startswith(ACTIVATION))


def _costs(kinds: Sequence[str], events: Sequence[str]) -> list[list[int]]:
    """Row o, column e: the least cost of explaining the first e events by the first o operators."""
    rows = [[UNKNOWN * count for count in range(len(events) + 1)]]
    for kind in kinds:
        above = rows[-1]
        row = [above[0] + LEFT_OUT]
        for index, event in enumerate(events):
            ways = [above[index + 1] + LEFT_OUT, row[index] + UNKNOWN]
            if belongs(kind, event):
                ways.append(above[index])
            if continues(kind, event):
                ways.append(row[index] + CONTINUED)
            row.append(min(ways))
        rows.append(row)
    return rows
