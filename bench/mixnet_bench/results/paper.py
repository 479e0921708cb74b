"""Our figures and the paper's, as records."""

from mixnet_common.result import Count, Number, Percent, ResultRecord, known_as


class FigureResult(ResultRecord):
    """One figure of the paper beside ours."""

    paper: str = known_as("")
    """the figure as printed; `-` where none is"""
    ours: Number | None = known_as()
    """our count, or `null` without a network"""
    deviation_percent: Number | None = known_as()
    """deviation of ours from the paper's, in percent"""
    verdict: str = known_as("")
    """`reproduced` (within 1 %, or the same as printed), `differs`, or `not comparable`"""
    reason: str = known_as("")
    """why it differs or cannot be compared; empty if it is reproduced"""


class ConventionResult(ResultRecord):
    """Our count by one convention."""

    ours: Number
    """our count by each convention of `macs_by_convention` above"""
    deviation_percent: Number | None = known_as()
    """its deviation"""


class MacsResult(FigureResult):
    """The paper's multiply-adds beside ours."""

    paper: str = known_as("")
    """the paper's "FLOPS" as printed, which are multiply-adds"""
    ours: Number | None = known_as()
    """our multiply-adds"""
    deviation_percent: Number | None = known_as()
    """as above, and so are the next two"""
    verdict: str = known_as("")
    """by the convention of `macs.convention` only"""
    reason: str = known_as("")
    """why"""
    convention: str | None = known_as()
    """how `macs.ours` counts, in words"""
    by_convention: dict[str, ConventionResult] = known_as({})


class AccuracyResult(ResultRecord):
    """The paper's accuracies beside measured ones."""

    source: str | None = known_as()
    """`paper`: accuracies are the paper's, not measured; `results`: `--results` has ours"""
    top1: str = known_as("")
    """top-1 accuracy in percent, as printed"""
    top5: str = known_as("")
    """top-5 accuracy in percent, as printed"""
    map: str = known_as("")
    """mean average precision on COCO, as printed"""
    ours_top1: Percent | None = known_as()
    """ours, measured, in percent, or `null`"""
    ours_top5: Percent | None = known_as()
    """the same for top-5"""
    images: Count | None = known_as()
    """number of images, or `null`"""
    verdict: str = known_as("")
    """`reproduced` within one point of top-1, `differs`, or `not comparable` where nothing was \
measured for as many classes"""
    reason: str = known_as("")
    """why"""


class ReplacedLayer(ResultRecord):
    """The one layer that a row is about."""

    number: Count
    """*figure5*: the layer that is replaced, counted from 1"""
    stride: Count
    """its stride"""
    params: Count
    """parameters of its depthwise convolution alone"""
    macs: Count
    """multiply-adds of its depthwise convolution alone"""


class PaperRowResult(ResultRecord):
    """A row of a table or figure of the paper."""

    name: str | None = known_as()
    """our network's name, or the paper's if we have none; for a claim, its subject"""
    model: str
    """*row*: the model as printed"""
    network: str | None = known_as()
    """*row*: our network's name, or `null`"""
    classes: Count | None = known_as()
    """*row*: outputs of its head, or `null` without a network"""
    type: str = known_as("")
    """*row*: `manual` or `auto`, as printed: how the network was designed; empty if that is \
not printed"""
    table: str = known_as("")
    """the paper's table or figure, or `text`"""
    section: str = known_as("")
    """its section"""
    params: FigureResult = known_as(FigureResult())
    macs: MacsResult = known_as(MacsResult())
    layer: ReplacedLayer | None = None
    accuracy: AccuracyResult
    verdict: str = known_as("")
    """`differs` if a figure differs, `reproduced` if one is reproduced and none differs, else \
`not comparable`; accuracies are not considered"""


class ClaimFigure(FigureResult):
    """A claim and our figure."""

    quantity: str
    """the claimed quantity: `params`, `macs`, `depthwise_params`, `depthwise_macs`, \
`depthwise_layers`, `classes`, `multiplier`, `candidates`, `images`, `top1` or `map`"""
    kind: str
    """`value`; `ratio` of `of` to `to`; `difference`, `of` less `to`; `below`, a bound; `known`, \
the data set's own figure"""
    unit: str
    """the unit"""
    of: str | None = known_as()
    """the network or model that it concerns, or `null`"""
    to: str | None = known_as()
    """what it is compared with, or `null`"""
    source: str | None = known_as()
    """*known*: source of `claim.ours`, or `null`"""
    paper: str = known_as("")
    """the figure as printed"""
    ours: Number | None = known_as()
    """ours, or `null`"""
    verdict: str = known_as("")
    """as above"""
    reason: str = known_as("")
    """why it differs or cannot be compared; for accuracies, whether the paper's own tables agree \
with the claim"""


class ClaimResult(ResultRecord):
    """A claim of the paper."""

    name: str
    """what is claimed"""
    table: str
    """the paper's table or figure, or `text`"""
    section: str
    """its section"""
    claim: ClaimFigure
    verdict: str
    """as of a row"""
