"""What the smaller commands print, as records: classes of images, steps, tuned blocks."""

from msgspec import field

from mixnet_common.result import Count, Place, Positive, ResultRecord, Shape, Share, Span, known_as


class GuessResult(ResultRecord):
    """A class that a file sees in an image."""

    number: Count = field(name="class")
    """the class, counted from 0; the most likely first"""
    label: str | None = known_as()
    """its label, or `null`"""
    score: Share
    """its probability: the softmax of the outputs"""
    output: float | None = None
    """what the file computes for it: a logit, or a probability where the file ends in a softmax"""


class ClassifyResult(ResultRecord):
    """What a file sees in an image."""

    name: str
    """the file's name"""
    image: Place
    """the image, as it was named"""
    runtime: str
    """the runtime"""
    runtime_version: str
    """its version"""
    shapes: dict[str, Shape] = known_as({})
    """sizes of its input, as it ran"""
    signature: str | None = known_as()
    """the signature that ran; `null` where the file names none"""
    preprocessing_from: str
    """where the preprocessing was read: the file or the `.json` beside it, by name, what \
`--preprocessing` was given, or `assumed`"""
    labels_from: str | None = known_as()
    """likewise for the labels; `null` without labels"""
    top: tuple[GuessResult, ...] = known_as(())


class StepResult(ResultRecord):
    """What became of a campaign's step."""

    name: str
    """what the step is about"""
    kind: str
    """`paper`, `count` (a network), `export`, `file` (an existing file), `inspect` (a file's \
count and delegation), `parity` or `latency`"""
    key: str
    """a hash of the kind and of all that the result depends on"""
    state: str
    """`done`, `done before`, `failed`, `not tried` (it needs one that failed), or with \
`--dry-run` `to do`"""
    result: Place | None = known_as()
    """the result's file, where there is one"""
    seconds: Span | None = known_as()
    """how long it took, where it was done now"""
    estimate_s: Span | None = known_as()
    """how long it may take, where it is to do"""
    estimate_from: str | None = known_as()
    """`earlier result`, or `estimate`: from multiply-adds and parameters"""
    error: str | None = known_as()
    """why it failed or was not tried"""


class TunedChoice(ResultRecord):
    """How a block is lowered."""

    merge: str
    """which kernel groups share a kernel size: `none`, `smallest`, `pairs`, `all-but-largest`, \
`all`, `auto`"""
    mixed: str
    """how kernel groups get their channels: `split`, `slices`, `branches`, `auto`"""
    groups: str
    """grouped 1x1 convolutions: `split`, `grouped`, `dense`, `auto`"""
    join: str
    """how branches end: `concat`, `sum`"""
    concat: str
    """a concat of many tensors: `whole`, or `nested` (of at most five each)"""
    pieces: str
    """what the pieces of cut kernels are in an int8 file: `int8` or `float32`"""
    tiling: str
    """how depthwise kernels of more than 25 taps are cut: `direct`, `rows`, `grid`, `polyphase`, \
`nested`"""


class TunedRatio(ResultRecord):
    """A form's time over the default one's."""

    ratio: Positive
    """its time over the default form's"""
    interval: tuple[Positive, Positive] | None = known_as()
    """interval at the level `confidence`"""
    faster: bool
    """whether the whole interval is below 1; otherwise the gain may be noise, and the block was \
not changed"""


class TunedBlock(ResultRecord):
    """Blocks that are equal, tuned once."""

    blocks: tuple[str, ...]
    """the names of equal blocks, which are timed once"""
    choice: TunedChoice
    ratio: Positive
    """the block's time over that of the default lowering; 1 where nothing was changed"""
    tried: Count
    """different forms of the block that were timed"""
    best: TunedRatio | None = known_as()
    """the form that seemed fastest, timed once more in five launches beside the default one; \
`null` where none seemed faster"""


class TunedRewriting(ResultRecord):
    """Rewritings of a file that are equal but for their weights, timed once."""

    pattern: str
    """what `mixnet-export optimize` found: `tiles`, `mixed convolution` …"""
    names: tuple[str, ...]
    """the tensors that they are about"""
    what: str
    """what becomes of them"""
    ratio: Positive
    """their time rewritten over their time as they are, alone"""
    interval: tuple[Positive, Positive] | None = known_as()
    """interval at the level `confidence`"""
    faster: bool
    """whether the whole interval is below 1; otherwise they stay as they are"""


class TunedFile(ResultRecord):
    """Which rewritings of an existing file pay."""

    name: str
    """the file"""
    path: Place
    """the plan that was written, for `mixnet-export optimize --lowering`"""
    measured: str
    """where and under what: runtime and version, processor, threads"""
    emulated: bool
    """whether it was tuned on an emulator: such a plan is not a phone's"""
    target: str
    """the runtime's version that the rewritings are for"""
    rewritings: tuple[TunedRewriting, ...] = known_as(())
    confidence: Share | None = known_as()
    """0.95, of all intervals here"""


class TuneResult(ResultRecord):
    """A network's tuned lowering."""

    name: str
    """the network"""
    path: Place
    """the plan that was written, for `mixnet-export --lowering`"""
    measured: str
    """where and under what: runtime and version, processor, threads, precision"""
    emulated: bool
    """whether it was tuned on an emulator: such a plan is made with `--allow-emulated` only, says \
so at its beginning, and is not a phone's"""
    blocks: tuple[TunedBlock, ...]
    ratios: dict[str, Positive]
    """the whole network's time over that of the `default` lowering, and over the paper's literal \
form, `reference`"""
    ratio_intervals: dict[str, tuple[Positive, Positive] | None] = known_as({})
    """where those lie at `confidence`: a gain only if below 1"""
    confidence: Share | None = known_as()
    """0.99, of all intervals here"""
