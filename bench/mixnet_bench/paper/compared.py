"""A table of the paper with our counts: its rows, then its claims."""

from mixnet_bench.paper.claims import compare_claims
from mixnet_bench.paper.compare import compare_rows
from mixnet_bench.paper.measured import Accuracies
from mixnet_bench.paper.ours import count_ours
from mixnet_bench.results.paper import ClaimResult, PaperRowResult
from mixnet_networks.paper import PaperTable


def compare_table(table: PaperTable, measured: Accuracies) -> list[PaperRowResult | ClaimResult]:
    """A table's rows, then its claims, each beside ours."""
    return [
        *compare_rows(table, count_ours, measured),
        *compare_claims(table, count_ours, measured),
    ]
