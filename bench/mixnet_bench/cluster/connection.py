"""A connection to Dask's scheduler, or to a temporary local scheduler with workers.

The only module that makes clients. Failures to reach a scheduler, or losing it, are MixnetErrors.
"""

import logging
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

from mixnet_bench.cluster.address import Address, check_reached
from mixnet_common import MixnetError, UsageError
from mixnet_common.errors import install_hint
from mixnet_common.printable import printable
from mixnet_common.temporary import temporary_folder
from mixnet_quantize.parity.run import default_jobs

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 10
"""Until a scheduler has to answer."""

GRAPH_BYTES = "8 GiB"
"""Files travel as tasks; Dask's warning is about arrays that got there by mistake."""

LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio")
"""Those that have a level of their own."""

SETTINGS = {
    "distributed.admin.large-graph-warning-threshold": GRAPH_BYTES,
}

LOCAL_SETTINGS = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
}
"""For local processes. Dask's measurements of itself are not used; they take a
twentieth of a core in each. Its threshold for giving memory back makes malloc ask the system for
every array of an image's size again, which takes a fifth of the time."""


@dataclass(frozen=True)
class WorkerInfo:
    """A worker as the scheduler knows it."""

    address: str
    name: str
    host: str
    threads: int
    resources: Mapping[str, float]

    @property
    def label(self) -> str:
        """For people: ``0 on 10.0.0.7``."""
        return printable(f"{self.name} on {self.host}")


class Cluster:
    """A scheduler that is connected to."""

    def __init__(self, client: "Client") -> None:
        self.client = client

    @property
    def alive(self) -> bool:
        """Whether the connection stands."""
        return bool(self.client.status == "running")

    def workers(self) -> dict[str, WorkerInfo]:
        """The workers that there are now, by address. Raises MixnetError without a scheduler."""
        try:
            found = self.client.scheduler_info(n_workers=-1)["workers"]
        except Exception as error:  # whatever Dask raises, there is no answer
            raise self.lost() from error
        return {address: _worker(address, each) for address, each in found.items()}

    def lost(self) -> MixnetError:
        """The message if the scheduler is lost."""
        return MixnetError(
            "the connection to the Dask scheduler is lost",
            "start the scheduler and its workers again; the same command continues from saved"
            " results",
        )


def _worker(address: str, found: Mapping[str, Any]) -> WorkerInfo:
    return WorkerInfo(
        address,
        str(found.get("name", address)),
        str(found.get("host", "")),
        int(found["nthreads"]),
        dict(found.get("resources") or {}),
    )


@contextmanager
def connected(address: Address, resources: Iterable[str] = ()) -> Iterator[Cluster]:
    """The cluster that ``--dask`` names. Raises UsageError and MixnetError.

    Processes of this machine have the resources; other workers those that they were started with.
    """
    distributed = _distributed()
    import dask

    with ExitStack() as stack:
        stack.enter_context(dask.config.set(SETTINGS))
        if address.url is None:
            workers = address.workers or default_jobs()
            client = stack.enter_context(_local(distributed, workers, resources))
        else:
            client = stack.enter_context(_remote(distributed, address))
        yield Cluster(client)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise MixnetError(
            "--dask needs the packages dask and distributed",
            install_hint("mixnet-mobile[cluster]"),
        ) from error
    return distributed


@contextmanager
def _local(distributed: Any, workers: int, resources: Iterable[str]) -> Iterator["Client"]:
    """Processes of this machine, which only this process can talk to: their keys are its own."""
    import dask

    with temporary_folder() as scratch, _quiet(), dask.config.set(LOCAL_SETTINGS):
        security = distributed.Security.temporary()
        with _deaf_to_interrupts():
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host="127.0.0.1",
                protocol="tls://",
                security=security,
                dashboard_address="127.0.0.1:0",
                memory_limit=0,
                local_directory=str(scratch),
                resources=dict.fromkeys(resources, 1),
                silence_logs=logging.CRITICAL,
            )
        with (
            cluster,
            distributed.Client(cluster, security=security, set_as_default=False) as client,
        ):
            yield client


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let the processes that are started in the block be ended by this one, not by Ctrl-C.

    A terminal sends it to all of them. Here it arrives after the block.
    """
    mask = getattr(signal, "pthread_sigmask", None)  # Windows has none
    if mask is None:
        yield
        return
    resource_tracker.ensure_running()  # else the first process to be started lets them in again
    before = mask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        mask(signal.SIG_SETMASK, before)


@contextmanager
def _remote(distributed: Any, address: Address) -> Iterator["Client"]:
    security = _security(distributed) if address.encrypted else None
    with _quiet():
        try:
            client = distributed.Client(
                address.url, security=security, timeout=CONNECT_S, set_as_default=False
            )
        except Exception as error:  # OSError, TimeoutError and Dask's own
            reason = printable(str(error).splitlines()[0] if str(error) else type(error).__name__)
            raise MixnetError(
                f"cannot reach the Dask scheduler {address.url}: {reason}",
                "start it with: dask scheduler; with TLS its certificates must be from the same"
                " authority as yours (docs/cluster.md)",
            ) from error
        with client:
            check_reached(address, client.scheduler_info(n_workers=0)["address"])
            yield client


def _security(distributed: Any) -> Any:
    """Dask's own TLS configuration. Raises UsageError if there is none."""
    security = distributed.Security(require_encryption=True)
    missing = [name for name in ("tls_ca_file", "tls_client_cert") if not getattr(security, name)]
    if missing:
        raise UsageError(
            "--dask tls:// needs certificates, and Dask's configuration has none",
            "set distributed.comm.tls.ca-file and .client.cert and .client.key (docs/cluster.md)",
        )
    return security


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask's loggers report every lost connection; our own errors report those that matter."""
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
