"""The file of a run: its identity, sizes, inputs, and origin."""

from mixnet_common.result import (
    Count,
    Number,
    Place,
    ResultRecord,
    Shape,
    known_as,
)


class DataFile(ResultRecord):
    """A file with weights beside a model."""

    name: str
    """*weights beside an `.onnx`*: the path by which it names them"""
    sha256: str
    """their hash"""
    size_bytes: Count
    """their size"""


class GivenInput(ResultRecord):
    """An input's value from an option."""

    sha256: str | None = None
    """hash of the values of an input given by `--input`"""
    range: tuple[Number, Number] | None = None
    """the lowest and highest value given by `--input-range`"""


class Given(ResultRecord):
    """Sizes, signature and inputs from options; empty without them."""

    shapes: dict[str, Shape] | None = None
    """inputs to which `--shape` or `--dim` gave other sizes than the file's own; `given` is empty \
where options gave nothing"""
    signature: str | None = None
    """the signature given by `--signature`, if it is not the file's default"""
    fp16: bool | None = None
    """`true` where `--fp16` had a float32 file computed in float16"""
    inputs: dict[str, GivenInput] | None = None


class FileRun(ResultRecord):
    """A file, by name, place and content, and how it was run."""

    name: str
    """the file's name"""
    path: Place | None = known_as()
    """the path as given"""
    sha256: str | None = known_as()
    """of the file's content; where weights lie beside an `.onnx`, of the line of its own hash and \
a line `name`, NUL, hash for each file of them, by name"""
    size_bytes: Count
    """of the file, and of those with its weights"""
    data_files: tuple[DataFile, ...] | None = None
    shapes: dict[str, Shape] | None = known_as()
    """sizes of every input in this run"""
    signature: str | None = known_as()
    """the signature that ran; `null` if the file names none"""
    given: Given = known_as(Given())
    rewritten: bool | None = known_as()
    """`true`: a copy of the file ran, with other sizes or another signature first"""
    half_precision: str | None = None
    """computed in float16: `forced` by `--fp16`, or `allowed` by the file's metadata on a \
processor that can; else absent. Never treated as equal to float32 in comparisons"""

    @property
    def shown_name(self) -> str:
        """The name, with a word where it was computed in float16."""
        return f"{self.name} (fp16)" if self.half_precision else self.name


class Origin(ResultRecord):
    """A campaign's information on a file that it wrote."""

    network: str | None = None
    """*in a campaign's results*, and so are the following: the network that the file was made of"""
    file_format: str | None = None
    """`tflite` or `onnx`"""
    precision: str | None = None
    """its precision"""
    lowering: str | None = None
    """its lowering"""
    classes: Count | None = None
    """its classes"""
    resolution: Count | None = None
    """pixels of its input's side"""
