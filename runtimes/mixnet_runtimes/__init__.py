"""Opens ``.tflite`` and ``.onnx`` files on this machine: describes and runs them.

It is independent of networks and of how a file was made.
"""

from mixnet_runtimes.contents import Body, Delegation, FileContents, FileTensor, Operator, Signature
from mixnet_runtimes.given_inputs import NOTHING_GIVEN, GivenInputs
from mixnet_runtimes.prepared import Prepared, open_prepared, prepare
from mixnet_runtimes.profiling import OperatorTime, Profile, profile
from mixnet_runtimes.registry import (
    FORMATS,
    fix,
    is_model_file,
    open_session,
    partitions,
    read_file,
    stated_inputs,
)
from mixnet_runtimes.selection import AS_IT_IS, Fixed, Selection
from mixnet_runtimes.session import Session, TensorInfo

__all__ = [
    "AS_IT_IS",
    "FORMATS",
    "NOTHING_GIVEN",
    "Body",
    "Delegation",
    "FileContents",
    "FileTensor",
    "Fixed",
    "GivenInputs",
    "Operator",
    "OperatorTime",
    "Prepared",
    "Profile",
    "Selection",
    "Session",
    "Signature",
    "TensorInfo",
    "fix",
    "is_model_file",
    "open_prepared",
    "open_session",
    "partitions",
    "prepare",
    "profile",
    "read_file",
    "stated_inputs",
]
