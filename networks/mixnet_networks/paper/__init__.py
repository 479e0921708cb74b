"""The paper's tables, figures and claims as data, with the digits that it prints.

The paper's numbers are in TOML files beside this module, never in Python.
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
