"""The output of the smaller commands, as records: classes of images, steps, tuned blocks."""

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
    """the file's output for it: a logit, or a probability if the file ends in a softmax"""


class ClassifyResult(ResultRecord):
    """A file's predictions for an image."""

    name: str
    """the file's name"""
    image: Place
    """the image as given"""
    runtime: str
    """the runtime"""
    runtime_version: str
    """its version"""
    shapes: dict[str, Shape] = known_as({})
    """sizes of its input in this run"""
    signature: str | None = known_as()
    """the signature that ran; `null` if the file names none"""
    preprocessing_from: str
    """where the preprocessing was read: the file or the `.json` beside it, by name, what \
`--preprocessing` was given, or `assumed`"""
    labels_from: str | None = known_as()
    """likewise for the labels; `null` without labels"""
    top: tuple[GuessResult, ...] = known_as(())


class StepResult(ResultRecord):
    """The outcome of a campaign's step."""

    name: str
    """subject of the step"""
    kind: str
    """`paper`, `count` (a network), `export`, `file` (an existing file), `inspect` (a file's \
count and delegation), `parity` or `latency`"""
    key: str
    """a hash of the kind and of everything that the result depends on"""
    state: str
    """`done`, `done before`, `failed`, `not tried` (it needs one that failed), or with \
`--dry-run` `to do`"""
    result: Place | None = known_as()
    """the result's file, where there is one"""
    seconds: Span | None = known_as()
    """duration, if it was done now"""
    estimate_s: Span | None = known_as()
    """expected duration, if it is not done yet"""
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
    """how channels are divided among kernel groups: `split`, `slices`, `branches`, `auto`"""
    groups: str
    """grouped 1x1 convolutions: `split`, `grouped`, `dense`, `auto`"""
    join: str
    """how branches end: `concat`, `sum`"""
    concat: str
    """a concat of many tensors: `whole`, or `nested` (of at most five each)"""
    pieces: str
    """type of the tiles of large kernels in an int8 file: `int8` or `float32`"""
    tiling: str
    """how depthwise kernels of more than 25 taps are tiled: `direct`, `rows`, `grid`, \
`polyphase`, `nested`"""


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
    """the block's time over that of the default lowering; 1 if unchanged"""
    tried: Count
    """different forms of the block that were timed"""
    best: TunedRatio | None = known_as()
    """the form that seemed fastest, timed again in five launches side by side with the default \
one; `null` if none seemed faster"""


class TunedRewriting(ResultRecord):
    """Rewritings of a file that are equal but for their weights, timed once."""

    pattern: str
    """the pattern, as in `mixnet-export optimize`: `tiles`, `mixed convolution` …"""
    names: tuple[str, ...]
    """the tensors that they concern"""
    what: str
    """the rewriting in words"""
    ratio: Positive
    """their time after over before the rewriting, measured separately"""
    interval: tuple[Positive, Positive] | None = known_as()
    """interval at the level `confidence`"""
    faster: bool
    """whether the whole interval is below 1; otherwise they are not rewritten"""


class TunedFile(ResultRecord):
    """The measured rewritings of an existing file."""

    name: str
    """the file"""
    path: Place
    """the plan that was written, for `mixnet-export optimize --lowering`"""
    measured: str
    """where and under what: runtime and version, processor, threads"""
    emulated: bool
    """whether it was tuned on an emulator: such a plan is not a phone's"""
    target: str
    """runtime and version that the rewritings are for"""
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
    """conditions: runtime and version, processor, threads, precision"""
    emulated: bool
    """whether it was tuned on an emulator: such a plan requires `--allow-emulated`, is labelled \
in its first line, and is not valid for a phone"""
    blocks: tuple[TunedBlock, ...]
    ratios: dict[str, Positive]
    """the whole network's time over that of the `default` lowering, and over the paper's literal \
form, `reference`"""
    ratio_intervals: dict[str, tuple[Positive, Positive] | None] = known_as({})
    """their intervals at `confidence`: a gain only if below 1"""
    confidence: Share | None = known_as()
    """0.99, of all intervals here"""
