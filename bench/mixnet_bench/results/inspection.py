"""The description of a model file, as a record."""

from mixnet_bench.results.count import DelegationResult
from mixnet_common.result import Count, Free, Place, ResultRecord, known_as


class StatedDataFile(ResultRecord):
    """A file beside a model, which may be missing."""

    name: str
    """such a file, as the model names it"""
    sha256: str | None = known_as()
    """its hash; where one of them is missing `null`, and `sha256` and `size_bytes` are those of \
the file alone"""
    size_bytes: Count | None = known_as()
    """its size; `null` if it is missing"""


class PortResult(ResultRecord):
    """An input or output."""

    name: str
    """its name"""
    shape: tuple[int | str | None, ...] | None = known_as()
    """its sizes: numbers, names of open ones, `null` for one without a name; `null` if not \
even their number is stated"""
    dtype: str
    """its type: numpy's name, or the format's own"""
    scale: float | None = known_as()
    """real value = scale · (stored value − zero point); `null` if it is not quantized"""
    zero_point: int | None = known_as()
    """likewise"""


class UsageResult(ResultRecord):
    """A way to use a file."""

    name: str | None = known_as()
    """name of the signature, the default one first; `null` if the file names none"""
    inputs: tuple[PortResult, ...] = known_as(())
    outputs: tuple[PortResult, ...] = known_as(())


class InspectionResult(ResultRecord):
    """A model file, inspected."""

    name: str
    """the file's name"""
    path: Place
    """the path as given"""
    file_format: str
    """`tflite` or `onnx`"""
    sha256: str
    """of the file and of weights beside it, as in `latency`"""
    size_bytes: Count
    """of all of them"""
    data_files: tuple[StatedDataFile, ...] = known_as(())
    """*onnx*: the files beside it that hold its weights; empty if it holds them itself"""
    origin: Free = known_as({})
    """information in the file about its origin: `producer`, `opset`, `IR version`, `schema \
version`, `description` …"""
    metadata: Free = known_as({})
    """other metadata; for binary metadata, its size (*tflite*)"""
    signature: str | None = known_as()
    """*tflite*: the signature that is taken by default; `null` if it names none"""
    signatures: tuple[UsageResult, ...] = known_as(())
    operators: dict[str, Count] = known_as({})
    """operators by kind, those of branches and loops too"""
    labels: tuple[str, ...] | None = known_as()
    """the names of its classes, in order; `null` without"""
    labels_from: str | None = known_as()
    """source of the labels: the file or the `.json` beside it"""
    preprocessing: Free | None = known_as()
    """the preprocessing of images; `null` if unknown"""
    preprocessing_from: str | None = known_as()
    """source of the preprocessing"""
    provenance: Free | None = known_as()
    """how the file was made, from the `.json` beside it; `null` if there is none for this file"""
    warnings: tuple[str, ...] = known_as(())
    """sentences on what the description does not include"""


class TfliteInspectionResult(InspectionResult):
    """A ``.tflite`` file, inspected."""

    partitions: Count | None = known_as()
    """*tflite*: as in `count`"""
    delegation: DelegationResult = known_as(DelegationResult())
