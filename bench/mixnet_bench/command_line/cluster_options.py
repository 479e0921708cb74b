"""The options for clusters. They do not import Dask."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


def cluster_options(function: Function) -> Function:
    """Add ``--dask`` and ``--insecure``, passed as ``dask`` and ``insecure``."""
    function = click.option(
        "--insecure",
        is_flag=True,
        help="Allow a Dask scheduler on another machine without TLS. Anyone who reaches it can run"
        " programs.",
    )(function)
    return click.option(
        "--dask",
        metavar="ADDRESS|local[:N]",
        help="Run on the workers of a Dask scheduler (docs/cluster.md), or on N local processes.",
    )(function)
