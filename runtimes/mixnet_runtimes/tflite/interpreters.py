"""The TensorFlow Lite interpreters that may be installed, and the choice of one.

The three are one code base with the same Interpreter; they are tried in the order of RUNTIMES.
"""

import importlib
import importlib.metadata
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from mixnet_common import MixnetError, UsageError
from mixnet_common.errors import install_hint
from mixnet_common.system_faults import fault_of
from mixnet_runtimes.tflite.announcements import keep_quiet


@dataclass(frozen=True)
class Runtime:
    """An installable TensorFlow Lite interpreter."""

    name: str
    module: str
    interpreter: str
    """Path of the Interpreter class in the module."""
    resolvers: str
    """Path of the enumeration with a resolver without delegates."""
    distribution: str


RUNTIMES = (
    Runtime(
        "LiteRT", "ai_edge_litert.interpreter", "Interpreter", "OpResolverType", "ai-edge-litert"
    ),
    Runtime(
        "tflite-runtime",
        "tflite_runtime.interpreter",
        "Interpreter",
        "OpResolverType",
        "tflite-runtime",
    ),
    Runtime(
        "TensorFlow Lite",
        "tensorflow",
        "lite.Interpreter",
        "lite.experimental.OpResolverType",
        "tensorflow",
    ),
)


def plain_interpreter(content: bytes) -> Any:
    """An interpreter without delegates, which computes the sizes of every tensor itself."""
    runtime, interpreter_class = find_runtime(None)
    resolvers = attrgetter(runtime.resolvers)(importlib.import_module(runtime.module))
    return interpreter_class(
        model_content=content,
        experimental_op_resolver_type=resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )


def find_runtime(name: str | None) -> tuple[Runtime, Any]:
    """The runtime and its Interpreter class: the named one, or the first that can be imported."""
    failures = []
    for runtime in _candidates(name):
        try:
            module = importlib.import_module(runtime.module)
            interpreter = attrgetter(runtime.interpreter)(module)
            keep_quiet(interpreter)
            return runtime, interpreter
        except (ImportError, AttributeError) as error:
            if fault_of(error) is not None:
                raise  # it is installed
            # tflite-runtime fails so beside numpy 2, which is as good as not installed.
            failures.append(f"{runtime.name}: {error}")
    raise MixnetError(
        f"no runtime for .tflite files can be imported ({'; '.join(failures)})",
        install_hint(_candidates(name)[0].distribution),
    )


def _candidates(name: str | None) -> list[Runtime]:
    if name is None:
        return list(RUNTIMES)
    found = [r for r in RUNTIMES if name.lower() in (r.name.lower(), r.distribution)]
    if not found:
        raise UsageError(
            f"no runtime {name!r} for .tflite files",
            f"known: {', '.join(runtime.name for runtime in RUNTIMES)}",
        )
    return found


def version_of(runtime: Runtime) -> str:
    """The installed version of a runtime."""
    try:
        return importlib.metadata.version(runtime.distribution)
    except importlib.metadata.PackageNotFoundError:  # tensorflow-cpu and other builds
        module = importlib.import_module(runtime.module.partition(".")[0])
        return str(getattr(module, "__version__", "unknown"))
