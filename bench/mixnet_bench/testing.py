"""For users' own tests: an assertion that a quantized file has the accuracy of the original.

It needs no pytest, and reports all results when it fails.
"""

from pathlib import Path
from typing import Any

from mixnet_bench.accuracy.parity import answer, request
from mixnet_quantize.parity import Parity, gate
from mixnet_quantize.parity.report import parity_text


def assert_parity(
    first: Path | str, second: Path | str, data: Path | str, *, budget: float, **options: Any
) -> Parity:
    """Fail unless the loss of ``second`` against ``first`` is within ``budget`` points.

    The loss is that of top-1, or of agreement where ``data`` has no labels, and the whole of its
    interval must lie within the budget: too few images fail as well, and the message says how many
    would do. The options are those of ``mixnet_bench.accuracy.parity.parity``. Returns the
    comparison for further assertions. Raises AssertionError, and UsageError or MixnetError if
    nothing could be compared.

    In a test::

        from mixnet_bench.testing import assert_parity

        def test_int8_keeps_its_accuracy():
            assert_parity("model.tflite", "model-int8.tflite", "photos", budget=0.5)
    """
    __tracebackhide__ = True  # pytest then shows the test's line
    found = answer(request(first, second, data, budget=budget, **options)).parity
    verdict = found.verdict
    if verdict is None or verdict.kind != gate.WITHIN:
        raise AssertionError(_message(found))
    return found


def _message(found: Parity) -> str:
    hint = "" if found.verdict is None else gate.hint(found.verdict)
    return "\n".join(["", parity_text(found), *([hint] if hint else [])])
