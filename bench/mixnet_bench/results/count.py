"""The counts of a network or a file, as records."""

from mixnet_bench.results.file_run import Given, Origin
from mixnet_common.result import Count, ResultRecord, Shape, known_as


class CountedBody(ResultRecord):
    """A graph that a layer runs."""

    name: str
    """a graph that it runs, by its role: `then_branch`, `body`"""
    layers: tuple["CountedLayer", ...] = known_as(())
    """the layers in it, described in the same way, of one turn; empty if they are listed at \
another layer"""


class CountedLayer(ResultRecord):
    """One layer's figures."""

    name: str
    """the layer"""
    op: str
    """its operator, in the words of the source: `conv2d`, `CONV_2D`, `Conv`"""
    macs: Count | None = known_as()
    """its multiply-adds, including those of the graphs that it runs; `null` if unknown"""
    params: Count
    """its parameters, likewise"""
    activations: Count | None = known_as()
    """its output elements; 0 without multiply-adds, `null` if unknown"""
    output_shape: tuple[Count | None, ...] = known_as(())
    """its output's shape; `null` for a size that the file leaves open"""
    batch_norm_elements: Count = known_as(0)
    """elements that it normalises, if it is or contains a batch norm"""
    reason: str | None = known_as()
    """why they are unknown"""
    bodies: tuple[CountedBody, ...] = known_as(())
    """the graphs that it runs; empty for most layers"""


class CountedSignature(ResultRecord):
    """One of a file's signatures."""

    name: str
    """one of them"""
    params: Count | None = known_as()
    """its parameters, counted as above; likewise the next three"""
    macs: Count | None = known_as()
    """its multiply-adds"""
    activations: Count | None = known_as()
    """its activations"""
    reason: str | None = known_as()
    """why those are `null`, also for a signature that is refused because of its open sizes"""


class DelegationResult(ResultRecord):
    """The delegated part of a file."""

    inside: Count | None = known_as()
    """*tflite*: operators that the delegate runs"""
    outside: Count | None = known_as()
    """*tflite*: operators that it leaves to the runtime's own kernels"""
    outside_kinds: dict[str, Count] = known_as({})
    """*tflite*: those, counted by kind"""
    outside_reasons: dict[str, str] = known_as({})
    """*tflite*: for kinds among those, why the delegate may have left them, where that is known"""
    reason: str | None = known_as()
    """*tflite*: why nothing is known, where `partitions` is `null`"""


class CountResult(ResultRecord):
    """A network or a file, counted."""

    name: str
    """the network's name, or the file's"""
    source: str = known_as("")
    """what was counted: `graph` (a network), `tflite` or `onnx` (a file, read itself)"""
    params: Count
    """of a network, the trainable parameters: batch-norm scale and offset are among them, its \
statistics are not; of a file, the weights and biases that it stores"""
    macs: Count | None = known_as()
    """multiply-adds of convolutions, dense layers, matrix products, recurrent layers and \
attention, biases not counted; for one image where `batch` is a number; `null` where those of a \
layer are unknown"""
    activations: Count | None = known_as()
    """output elements of the layers that have multiply-adds, likewise"""
    reason: str | None = known_as()
    """why `macs` or `activations` is `null`: the first layer for which it is unknown; else \
`null`"""
    batch: Count | None = known_as()
    """the size of the batch by which the figures are divided; `null` if no axis is known to be \
one: then they are for the sizes in the file"""
    convention: str | None = known_as()
    """how `macs` counts, in words"""
    macs_by_convention: dict[str, Count | None]
    """the same network counted in other ways: `conv_dense` (what `macs` is), \
`conv_dense_batch_norm_1` and `conv_dense_batch_norm_2` (with batch norm at 1 or 2 operations per \
element); the three are equal where batch norms are folded"""
    not_counted: dict[str, Count] = known_as({})
    """number of operators with other arithmetic (activations, pools, sums) and of unknown \
operators, by kind"""
    layers: tuple[CountedLayer, ...] = known_as(())
    warnings: tuple[str, ...] = known_as(())
    """sentences on what the count does not include"""
    origin: Origin | None = None


class FileCountResult(CountResult):
    """A file, counted at its sizes."""

    shapes: dict[str, Shape] | None = known_as()
    """*files*: input sizes for which it was counted"""
    signature: str | None = known_as()
    """*files*: the signature that was counted; `null` if the file names none"""
    given: Given = known_as(Given())
    """*files*: what `--shape`, `--dim` and `--signature` gave, as in `latency`"""
    signatures: tuple[CountedSignature, ...] = known_as(())
    """*files*: where the file names several, all of them; else empty"""


class TfliteCountResult(FileCountResult):
    """A ``.tflite`` file, counted, with what the runtime delegates of it."""

    partitions: Count | None = known_as()
    """*tflite*: into how many pieces the runtime of this machine hands the file to its delegate \
XNNPACK; 1 is best, `null` if it does not report it, refuses the file or crashes on it"""
    delegation: DelegationResult = known_as(DelegationResult())
