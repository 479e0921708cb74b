"""timm's configurations and arguments of a model, converted to a description.

They come from a ``config.json`` or a checkpoint, so from anyone: every value is checked, invalid
ones are named in a warning and ignored.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mixnet_common.printable import printable
from mixnet_networks.architecture import INTERPOLATIONS
from mixnet_networks.architecture.aliases import LONGEST, PRETRAINED, find_network
from mixnet_networks.importing.description import Description, Named, Stated

Value = TypeVar("Value")

NAMES = ("model", "arch", "model_name", "architecture", "backbone")
"""Keys under which training programs keep a model's name among their arguments."""

HARMLESS = frozenset(
    (
        *("bn_eps", "bn_momentum", "checkpoint_path", "drop_block_rate", "drop_connect_rate"),
        *("drop_path_rate", "drop_rate", "exportable", "img_size", "in_chans", "num_classes"),
        *("pad_type", "pretrained", "scriptable"),
    )
)
"""Arguments of timm's models that are understood, or change nothing once a model is trained."""

MOST_LABELS = 1_000_000
LONGEST_LABEL = 1000
LARGEST_SIZE = 8192


class _Table:
    """A table of somebody's, of which values are taken one by one, each by its own check."""

    def __init__(self, table: object, where: str) -> None:
        self.table: Mapping[Any, Any] = table if isinstance(table, Mapping) else {}
        self.where = where
        self.warnings: list[str] = []

    def take(self, key: str, check: Callable[[Any], Value | None]) -> Stated[Value] | None:
        """A value; None if there is none, or if it does not pass its check."""
        value = self.table.get(key)
        if value is None or (isinstance(value, str) and not value):
            return None
        try:
            checked = check(value)
        except ValueError as error:
            self.warnings.append(
                f"{self.where}: {key} must be {error}, not {_shown(value)}; not used"
            )
            return None
        return None if checked is None else Stated(checked, self.where)


def _shown(value: object, most: int = 60) -> str:
    """A value on one short line."""
    try:
        text = printable(repr(value))
    except ValueError:  # Python refuses to print whole numbers of more than 4300 digits
        return "a very large number"
    return text if len(text) <= most else f"{text[:most]}…"


def describe_config(config: object, where: str) -> Description:
    """The description in timm's ``config.json``, in its current or its old form without parts."""
    whole = _Table(config, where)
    inner = whole.table.get("pretrained_cfg")
    parts = _Table(inner if isinstance(inner, Mapping) else config, where)
    name = _named(whole, "architecture", "")
    if not parts.table.keys() & {"architecture", "input_size", "mean", "crop_pct", "num_classes"}:
        return name
    own = Description(
        tag=parts.take("tag", _tag_text),
        classes=whole.take("num_classes", _classes),
        labels=whole.take("label_names", _labels),
        warnings=tuple(whole.warnings),
    )
    arguments = _describe_arguments(whole.table.get("model_args"), f"model_args in {where}")
    labels = Description(labels=parts.take("label_names", _labels) or parts.take("labels", _labels))
    return name.over(arguments).over(own).over(labels).over(_describe_input(parts))


def describe_checkpoint(content: object) -> Description:
    """The description in a checkpoint: ``arch``, ``args``, ``pretrained_cfg``."""
    whole = _Table(content, "the file")
    description = _named(_Table(content, "'arch' in the file"), "arch", _tag(whole.table))
    for key in ("args", "hyper_parameters"):
        description = description.over(_describe_training(whole.table.get(key), key))
    config = whole.table.get("pretrained_cfg")
    return description.over(describe_config(config, "'pretrained_cfg' in the file"))


def _tag(content: Mapping[Any, Any]) -> str:
    """timm builds some networks in another way where it loads its published weights into them."""
    arguments = _plain(content.get("args"))
    return PRETRAINED if arguments.get("pretrained") is True else ""


def _plain(arguments: object) -> Mapping[Any, Any]:
    """Arguments as a table; argparse keeps them as attributes."""
    if isinstance(arguments, Mapping):
        return arguments
    found = getattr(arguments, "__dict__", None)
    return found if isinstance(found, dict) else {}


def _describe_training(arguments: object, key: str) -> Description:
    """The description in the arguments of a training program."""
    table = _Table(_plain(arguments), f"'{key}' in the file")
    tag = PRETRAINED if table.table.get("pretrained") is True else ""
    name = next((name for name in NAMES if isinstance(table.table.get(name), str)), "model")
    more = _describe_arguments(table.table.get("model_kwargs"), f"model_kwargs of {table.where}")
    own = Description(epsilon=table.take("bn_eps", _epsilon))
    return _named(table, name, tag).over(own).over(more).over(_describe_input(table))


def _describe_arguments(arguments: object, where: str) -> Description:
    """The arguments that changed a model when it was created."""
    table = _Table(arguments, where)
    padding, epsilon = table.take("pad_type", _padding), table.take("bn_eps", _epsilon)
    if "pad_type" in table.table and table.table["pad_type"] == "":
        padding = Stated("symmetric", where)
    unknown = sorted(str(key) for key in table.table if key not in HARMLESS)
    if table.table.get("global_pool") == "avg":
        unknown.remove("global_pool")
    if unknown:
        names = printable(", ".join(unknown)[:200])
        table.warnings.append(f"{where} changes the model in a way not known here: {names}")
    return Description(padding=padding, epsilon=epsilon, warnings=tuple(table.warnings))


def _describe_input(table: _Table) -> Description:
    """The image size of a model."""
    table.take("crop_mode", _crop_mode)
    return Description(
        classes=table.take("num_classes", _classes),
        resolution=table.take("img_size", _size) or table.take("input_size", _size),
        mean=table.take("mean", _means),
        std=table.take("std", _deviations),
        crop=table.take("crop_pct", _number(0.1, 1)),
        interpolation=table.take("interpolation", _interpolation),
        warnings=tuple(table.warnings),
    )


def _named(table: _Table, key: str, tag: str) -> Description:
    stated = table.take(key, lambda text: named(text, tag))
    return Description(network=stated)


def named(text: object, tag: str = "") -> Named | None:
    """A network's name as anyone may write it, with the tag of its weights; None for no name."""
    if not isinstance(text, str) or not text or len(text) > LONGEST:
        return None
    with_tag = f"{text}.{tag}" if tag and "." not in text else text
    return Named(printable(text), find_network(with_tag) or find_network(text))


# Checks: each returns the value as used, or raises ValueError with what is valid


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(float(str(value)))


def _number(low: float, high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if not _is_number(value) or not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return float(value)

    return check


_epsilon = _number(1e-9, 0.1)


def _classes(value: Any) -> int | None:
    if type(value) is not int or not 0 <= value <= MOST_LABELS:
        raise ValueError("a number of classes")
    return value or None


def _tag_text(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) <= LONGEST else None


def _size(value: Any) -> int:
    """Height and width from ``[3, 224, 224]``, ``[224, 224]`` or ``224``."""
    sizes = list(value)[-2:] if isinstance(value, list | tuple) else [value]
    whole = all(type(size) is int and 1 <= size <= LARGEST_SIZE for size in sizes)
    if not sizes or not whole or len(set(sizes)) != 1:
        raise ValueError("the size of a square image")
    return int(sizes[0])


def _padding(value: Any) -> str:
    if value != "same":
        raise ValueError("'same' or nothing")
    return "same"


def _interpolation(value: Any) -> str | None:
    if value == "random":  # of training; evaluation is the network's own
        return None
    if value not in INTERPOLATIONS:
        raise ValueError(f"one of {', '.join(INTERPOLATIONS)}")
    return str(value)


def _crop_mode(value: Any) -> str:
    if value != "center":
        raise ValueError("center")
    return "center"


def _per_channel(low: float) -> Callable[[Any], tuple[float, ...]]:
    def check(value: Any) -> tuple[float, ...]:
        values = tuple(value) if isinstance(value, list | tuple) else ()
        good = all(_is_number(each) and low <= each <= 1 for each in values)
        if len(values) not in (1, 3) or not good:
            raise ValueError(f"3 numbers from {low:g} to 1")
        return tuple(round(255 * each, 6) for each in values)

    return check


_means = _per_channel(0)
_deviations = _per_channel(0.001)


def _labels(value: Any) -> tuple[str, ...]:
    labels = tuple(value) if isinstance(value, list | tuple) else ()
    good = all(isinstance(each, str) and 0 < len(each) <= LONGEST_LABEL for each in labels)
    if not 0 < len(labels) <= MOST_LABELS or not good:
        raise ValueError("a list of class names")
    if any(each.strip() != each or not each.isprintable() for each in labels):
        raise ValueError("names without line breaks or control characters")
    return labels
