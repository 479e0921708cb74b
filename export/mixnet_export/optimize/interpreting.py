"""Interpreters of this machine's runtime for the runs of a proof, and their errors in words."""

import importlib
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, TypeVar

from mixnet_common import MixnetError
from mixnet_export.optimize.document import Document
from mixnet_runtimes.session import TensorInfo, first_line
from mixnet_runtimes.tflite.interpreters import find_runtime
from mixnet_runtimes.tflite.session import info_of

Result = TypeVar("Result")

HINT = "the file is not changed; if another runtime can run it, use --for with that runtime"


def open_interpreter(
    document: Document,
    *,
    content: bytes | None = None,
    delegates: bool = True,
    preserve: bool = False,
) -> Any:
    """An interpreter of a file, or of ``content`` in its place, its tensors allocated.

    Without ``delegates`` TFLite's own kernels run; ``preserve`` keeps what every operator computed.
    """
    runtime, interpreter_class = find_runtime(None)
    options: dict[str, Any] = {}
    if not delegates:
        module = importlib.import_module(runtime.module)
        resolvers = attrgetter(runtime.resolvers)(module)
        options["experimental_op_resolver_type"] = resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    if preserve:
        options["experimental_preserve_all_tensors"] = True
    data = content or document.content

    def opened() -> Any:
        interpreter = interpreter_class(model_content=data, num_threads=1, **options)
        interpreter.allocate_tensors()
        return interpreter

    return called(opened, document)


def invoke(interpreter: Any, document: Document) -> None:
    """Run once."""
    called(interpreter.invoke, document)


def called(function: Callable[[], Result], document: Document) -> Result:
    """The result of a function. Raises MixnetError for an error of the runtime."""
    try:
        return function()
    except (ValueError, RuntimeError) as error:
        raise MixnetError(f"cannot run {document.path}: {first_line(error)}", HINT) from error


def input_info(detail: Mapping[str, Any], document: Document) -> TensorInfo:
    """An input as an interpreter describes it."""
    return info_of(detail, str(detail["name"]), str(document.path))
