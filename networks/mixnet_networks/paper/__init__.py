"""The paper's tables as data, in the digits that it prints.

A number of the paper's is written in a TOML file beside this one, never in Python.
"""

from mixnet_networks.paper.tables import (
    PaperTable,
    Row,
    load_table,
    parse_printed,
    print_alike,
    table_names,
)

__all__ = ["PaperTable", "Row", "load_table", "parse_printed", "print_alike", "table_names"]
