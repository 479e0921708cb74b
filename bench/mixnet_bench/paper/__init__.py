"""The paper's tables as data, and our counts held against them.

A number of the paper's is written in a TOML file beside this one, never in Python; accuracies are
shown as the paper's and not measured here.
"""

from mixnet_bench.paper.tables import PaperTable, Row, load_table, table_names

__all__ = ["PaperTable", "Row", "load_table", "table_names"]
