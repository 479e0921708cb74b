"""Arrays from a PyTorch checkpoint, as training programs wrap them. Needs torch.

Such a file is a pickle, which may execute code when it is opened. It is always opened by torch's
weights-only reader, which refuses everything but tensors and plain containers.
"""

import argparse
import pickle
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError
from mixnet_common.errors import install_hint
from mixnet_networks.importing.record import Arrays, Content
from mixnet_networks.importing.told import describe_checkpoint
from mixnet_networks.importing.unweighted import is_weight
from mixnet_networks.weights import some

AVERAGES = ("state_dict_ema", "model_ema", "ema_state_dict", "ema", "ema_model", "params_ema")
"""Keys under which training programs keep the moving averages of a model's tensors."""

WRAPPINGS = (
    *AVERAGES,
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "net",
    "params",
    "weights",
)
"""Keys under which they keep a model's tensors at all, moving averages first: they are what is
evaluated. A wrapping may hold another."""

OLDEST = (2, 6)
"""Up to torch 2.5 the reader for weights alone could be made to execute code (CVE-2025-32434)."""

MOST_WRAPPINGS = 4

REFUSALS = ("Unsupported global", "Unsupported class", "unrecognized function", "is blocked")
"""torch's message for a pickle that would execute code; any other is damage."""


def read(path: Path) -> Content:
    """The tensors of the file as float32.

    Raises MixnetError if torch is missing or too old, the file is damaged, or it holds more than
    weights and would have to be executed.
    """
    torch = _torch(path)
    content = _load(torch, path)
    state, notes = unwrap(content, lambda value: isinstance(value, torch.Tensor))
    return Content(_arrays(torch, state, path), notes, describe_checkpoint(content))


def _torch(path: Path) -> Any:
    try:
        import torch
    except ImportError as error:
        raise MixnetError(
            f"reading {path} needs PyTorch, which is not installed",
            f"{install_hint('mixnet-mobile[torch]')}; or save the weights as .safetensors",
        ) from error
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if version < OLDEST:
        raise MixnetError(
            f"PyTorch {torch.__version__} cannot open {path} safely",
            f"install PyTorch {'.'.join(map(str, OLDEST))} or later",
        )
    return torch


def _load(torch: Any, path: Path) -> Any:
    try:
        # timm's training script keeps its options in the file; a Namespace does nothing.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not any(words in str(error) for words in REFUSALS):
            raise _damaged(path, error) from error
        raise MixnetError(
            f"{path} contains more than weights; opening it could execute code, so it was not"
            " opened",
            "save only the state_dict, preferably as .safetensors",
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # a damaged pickle or zip fails in every way there is
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> MixnetError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return MixnetError(
        f"{path} is not a complete PyTorch checkpoint: {lines[0]}", "copy or download it again"
    )


def unwrap(
    content: Any, is_tensor: Callable[[Any], bool]
) -> tuple[Mapping[Any, Any], tuple[str, ...]]:
    """The mapping that holds a model's tensors, and a note of where it was and what else was there.

    The first place in the order of ``WRAPPINGS`` that has tensors is used, at any depth.
    """
    places = list(_places(content, is_tensor, ()))
    if not places:
        return {}, ()
    (keys, state), *others = places
    if not keys:
        return state, ()
    note = f"taken from {'.'.join(keys)} in the file"
    if keys[0] in AVERAGES:
        note += ", which are moving averages"
    if others:
        note += f"; not used: {some('.'.join(path) or 'the file itself' for path, _ in others)}"
    return state, (note,)


def _places(
    content: Any, is_tensor: Callable[[Any], bool], keys: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Mapping[Any, Any]]]:
    """Every mapping with tensors under known keys, with the keys, the best first."""
    if not isinstance(content, Mapping) or len(keys) > MOST_WRAPPINGS:
        return
    for key in WRAPPINGS:
        yield from _places(content.get(key), is_tensor, (*keys, key))
    if any(is_tensor(value) for value in content.values()):
        yield keys, content


def _arrays(torch: Any, state: Mapping[Any, Any], path: Path) -> Arrays:
    arrays = {
        str(name): tensor.detach().to(torch.float32).numpy()
        for name, tensor in state.items()
        if isinstance(tensor, torch.Tensor) and is_weight(str(name))
    }
    if not arrays:
        raise MixnetError(
            f"{path} holds no tensors of a model", f"known places: {', '.join(WRAPPINGS)}"
        )
    return arrays
