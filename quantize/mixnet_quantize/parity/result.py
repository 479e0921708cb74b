"""A comparison of two files on images, as a record."""

from typing import Annotated

from msgspec import Meta, field

from mixnet_common.result import (
    Count,
    Number,
    Percent,
    Place,
    Points,
    Positive,
    ResultRecord,
    Shape,
    Share,
    check_ordered,
    known_as,
)

Magnitude = Annotated[float, Meta(ge=0, le=1e300)]
"""Range of logits and activations, and of their squares: all finite values."""

Percents = tuple[Percent, Percent]
PointsInterval = tuple[Points, Points]


class ComparedFile(ResultRecord):
    """One of the two files."""

    name: str = known_as("")
    """the file's name"""
    path: Place | None = known_as()
    """the path as given"""
    sha256: str | None = known_as()
    """of its content, with that of weights beside it, as above"""
    size_bytes: Count | None = known_as()
    """its size"""
    runtime: str | None = known_as()
    """the runtime that ran it"""
    runtime_version: str | None = known_as()
    """its version"""
    shapes: dict[str, Shape] | None = known_as()
    """sizes of its input in this run"""
    signature: str | None = known_as()
    """the signature that ran; `null` if the file names none"""
    fp16: bool = known_as(False)
    """computed in float16: `--fp16`"""
    preprocessing_from: str | None = known_as()
    """where its preprocessing was read: a file by name, what `--preprocessing` was given, \
or `assumed`"""
    weights_from: str | None = None
    """source of its weights, from the provenance beside it: a file, or `seed N` for random ones, \
whose accuracy is meaningless"""


class UnreadableImage(ResultRecord):
    """An image that is in no figure."""

    image: str
    """an image that could not be read and was not evaluated"""
    reason: str
    """why"""


class AccuracyLoss(ResultRecord):
    """Both files' accuracies, and what the second loses."""

    first_percent: Percent | None = known_as()
    """images that the first file classifies correctly, in percent; `null` without labels"""
    first_percent_interval: Percents | None = known_as()
    """Wilson's interval"""
    second_percent: Percent | None = known_as()
    """likewise for the second"""
    second_percent_interval: Percents | None = known_as()
    """its interval"""
    loss_points: Points | None = known_as()
    """the first's percentage less the second's"""
    loss_points_interval: PointsInterval | None = known_as()
    """Tango's interval, which is paired"""
    lost: Count | None = known_as()
    """images that only the first classifies correctly"""
    won: Count | None = known_as()
    """images that only the second classifies correctly"""
    p_value: Share | None = known_as()
    """McNemar's exact test of no difference"""

    def __post_init__(self) -> None:
        """Raise ValueError if an interval has its end before its start."""
        check_ordered(self.loss_points_interval, "loss_points_interval")


class LogitError(ResultRecord):
    """Differences between the second's logits and the first's."""

    largest: Magnitude
    """the largest absolute difference of a logit"""
    rms: Magnitude
    """the root of the mean squared difference, over all images and classes"""
    db: Number | None = known_as()
    """10·log10 of the first's squared logits over the squared differences; `null` if nothing \
differs"""


class WorstImage(ResultRecord):
    """An image on which the files differ most."""

    image: str
    """the name within the folder"""
    error: Magnitude
    """the largest absolute difference of a logit"""
    first_margin: Positive
    """difference between the first file's two highest logits, over its largest absolute one"""
    first_class: Count
    """the first file's prediction, counted from 0"""
    second_class: Count
    """the second file's prediction"""
    true_class: Count | None = known_as()
    """the true class; `null` without labels"""


class LayerErrorResult(ResultRecord):
    """The error of a layer's activations."""

    name: str
    """*`--layers`, and so are the following:* the layer, in the first file's order"""
    operator: str
    """its operator, in the first file's word"""
    signal: Magnitude
    """the mean square of its activations in the first file"""
    noise: Magnitude
    """the mean square of the difference"""
    shift: Magnitude
    """the mean square of the channels' mean difference"""
    db: Number | None = known_as()
    """10·log10 of `signal` over `noise`; `null` if nothing differs, or where `signal` is 0 and \
`noise` is not"""


class BudgetVerdict(ResultRecord):
    """Whether the loss stays within a budget."""

    verdict: str
    """*`--budget`, `null` without it, and so are the following:* `within`, `beyond` or \
`too-few-images`"""
    measure: str
    """what is compared with the budget: `top-1`, or `agreement` without labels"""
    budget_points: Number
    """the budget"""
    loss_points: Points
    """the loss, or the share of disagreements"""
    loss_points_interval: PointsInterval
    """its interval, which decides"""
    images_needed: Count | None = known_as()
    """with too few images, the approximate number needed; else `null`, also if no number is \
enough"""


class ClassResult(ResultRecord):
    """The images of one class."""

    number: Count = field(name="class")
    """a class with images, counted from 0; the one with the largest loss first"""
    images: Count
    """its images"""
    first_right: Count
    """number of them that the first file classifies correctly"""
    second_right: Count
    """the same for the second file"""
    confused_with: Count | None = known_as()
    """the class that the second file predicts for most of the others; `null` if all are right"""
    confused: Count = known_as(0)
    """number of images predicted as that class"""
    first_confused_with: Count | None = None
    """the same for the first file"""
    first_confused: Count = 0
    """number of images predicted as that class"""


class MetricResult(ResultRecord):
    """A custom metric, from Python."""

    mean: float
    """its mean over all images"""
    interval: tuple[float, float] | None = known_as()
    """Student's interval; `null` for a single image"""


class ParityResult(ResultRecord):
    """Two files, compared on the same images."""

    name: str | None = known_as()
    """the second file's name"""
    files: tuple[ComparedFile, ComparedFile]
    data: str | None = known_as()
    """the folder of images"""
    images: Annotated[int, Meta(ge=1, le=2**53)]
    """images that were evaluated"""
    unreadable: tuple[UnreadableImage, ...] = known_as(())
    truth_from: str | None = known_as()
    """where the class numbers were read: a file of `--labels` or `--synsets`, `labels` (those \
in the files), `names` (the order of the names), `numbers`; `null` without labels"""
    classes: Count | None = known_as()
    """classes of both files"""
    resolution: Count | None = known_as()
    """pixels of an input's side"""
    confidence: Share | None = known_as()
    """of every interval, 0 to 1"""
    top1: AccuracyLoss | None = known_as()
    """`null` without labels"""
    top5: AccuracyLoss | None = known_as()
    """as `top1`, for the five most likely classes; `null` with five classes or fewer"""
    agreement_percent: Percent
    """images for which both files predict the same class"""
    agreement_percent_interval: Percents | None = known_as()
    """Wilson's interval"""
    disagreements: Count | None = known_as()
    """images for which the predictions differ"""
    disagreements_beyond_rounding: Count | None = known_as()
    """those among them for which the first file's two highest logits differ by more than 1e-4 of \
its largest absolute one"""
    ties: tuple[Count, ...] = known_as(())
    """for each file, images whose two highest logits are equal, so that the lower class is \
predicted"""
    logit_error: LogitError | None = known_as()
    worst_errors: tuple[WorstImage, ...] = known_as(())
    """the images with the largest `error`"""
    worst_flips: tuple[WorstImage, ...] = known_as(())
    """the images with different predictions on which the first file was most certain"""
    by_class: tuple[ClassResult, ...] = known_as(())
    """every class with images; empty without labels"""
    metric: MetricResult | None = None
    layers: tuple[LayerErrorResult, ...] = known_as(())
    verdict: BudgetVerdict | None = known_as()
    """`null` without `--budget`"""
