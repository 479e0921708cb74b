"""The values of ``--dask``: local processes, or a scheduler, with TLS beyond loopback.

Pure functions; nothing is connected to.
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from mixnet_common import UsageError
from mixnet_common.options import Whole
from mixnet_common.printable import shown

LOCAL = "local"

WORKERS = Whole(1, 256)
"""Number of local workers."""

HINT = "write tls://HOST:PORT, local, or local:N for N processes of this machine"


@dataclass(frozen=True)
class Address:
    """Address of a cluster."""

    url: str | None = None
    """URL of a scheduler, with its scheme; None for local processes."""
    workers: int | None = None
    """Processes of this machine; None for as many as there are CPUs, at most 4."""
    insecure: bool = False
    """Whether a scheduler beyond this machine may do without TLS."""

    @property
    def encrypted(self) -> bool:
        """Whether the scheduler is spoken to by TLS."""
        return self.url is not None and self.url.startswith("tls://")


def parse_address(text: str | None, insecure: bool = False) -> Address | None:
    """The address from ``--dask`` and ``--insecure``; None without ``--dask``. Raises UsageError.

    >>> parse_address("local:2")
    Address(url=None, workers=2, insecure=False)
    >>> parse_address("tls://lab:8786").url
    'tls://lab:8786'
    """
    if text is None:
        if insecure:
            raise UsageError("--insecure needs --dask", "omit it")
        return None
    kind, colon, count = text.partition(":")
    if kind == LOCAL:
        workers = WORKERS.check(count, "--dask local:N:") if colon else None
        return Address(None, workers, insecure)
    url = text if "://" in text else f"tcp://{text}"
    host = _host(url)
    if url.startswith("tcp://") and not is_loopback(host) and not insecure:
        raise _without_tls(url)
    return Address(url, None, insecure)


def check_reached(address: Address, reported: str) -> None:
    """Raise UsageError if a scheduler without TLS can be reached from beyond this machine.

    ``reported`` is the address that it reports to its workers.
    """
    if address.encrypted or address.insecure or address.url is None:
        return
    if not is_loopback(_host(reported)):
        raise _without_tls(reported)


def is_loopback(host: str) -> bool:
    """Whether a host is certainly this machine, whatever a name server answers.

    >>> [is_loopback(each) for each in ("127.0.0.1", "::1", "localhost", "10.0.0.1", "lab")]
    [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(url: str) -> str:
    """The host of a scheduler's URL. Raises UsageError if it is none."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("tcp", "tls") and parts.hostname and parts.port:
            return parts.hostname
    except ValueError:
        pass
    raise UsageError(f"--dask {shown(url)} is not the address of a scheduler", HINT)


def _without_tls(url: str) -> UsageError:
    return UsageError(
        f"the scheduler {url} has no TLS: anyone who reaches it can run programs here and on"
        " its workers",
        "start it with TLS (docs/cluster.md) and write tls://, or add --insecure in a network"
        " that no one else can reach",
    )
