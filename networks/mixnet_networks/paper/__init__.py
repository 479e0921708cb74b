"""The paper's tables, figures and claims as data, in the digits that it prints.

A number of the paper's is written in a TOML file beside this one, never in Python.
"""

from mixnet_networks.paper.tables import (
    NOT_PRINTED,
    SKETCHED,
    Claim,
    PaperTable,
    Row,
    Subject,
    find_row,
    load_table,
    parse_printed,
    print_alike,
    spelling_notes,
    table_names,
)

__all__ = [
    "NOT_PRINTED",
    "SKETCHED",
    "Claim",
    "PaperTable",
    "Row",
    "Subject",
    "find_row",
    "load_table",
    "parse_printed",
    "print_alike",
    "spelling_notes",
    "table_names",
]
