"""``mixnet-bench classify``: runs the file on each image and prints its predictions."""

from collections.abc import Sequence
from pathlib import Path

from mixnet_bench.accuracy.classify import Classifier, describe_classification
from mixnet_bench.results.small import GuessResult
from mixnet_bench.targets import model_file
from mixnet_common import MixnetError
from mixnet_common.console import print_json, print_lines, print_sentences, print_table, warn
from mixnet_common.progress import tracked
from mixnet_common.system_faults import raise_system_fault
from mixnet_quantize.images import listed_images
from mixnet_runtimes import AS_IT_IS, Selection

COLUMNS = ("label", "class", "output", "probability")

CAPTION = (
    "output: what the file computes, a logit unless it ends in a softmax;"
    " probability: the softmax of its outputs"
)


def run_classify(
    target: str,
    images: Sequence[Path],
    top: int,
    preprocessing: str | None,
    labels: str | None,
    as_json: bool,
    selection: Selection = AS_IT_IS,
) -> None:
    """Classify and print. Raises MixnetError and UsageError.

    Images that cannot be read are named, and make the command fail after all others are shown.
    """
    path, images = model_file(target), listed_images(images)
    classifier = Classifier(path, preprocessing, labels, selection)
    described, unreadable = [], []
    for image in tracked(images, "classifying"):
        try:
            guesses = classifier.classify(image, top)
        except MixnetError as error:
            raise_system_fault(error)
            unreadable.append(str(image))
            warn(error.message)
        else:
            described.append(describe_classification(path, image, classifier, guesses))
    if as_json:
        print_json(described)
    else:
        for each in described:
            print_lines(each.image)
            print_table(COLUMNS, [_row(guess) for guess in each.top])
        print_sentences(CAPTION)
    if unreadable:
        raise MixnetError(
            f"{len(unreadable)} of {len(images)} images cannot be read: {', '.join(unreadable)}"
        )


def _row(guess: GuessResult) -> tuple[str, ...]:
    return (guess.label or "", str(guess.number), f"{guess.output:.4g}", f"{guess.score:.4f}")
