"""Asks every host of a cluster a question, on one worker each, even if the worker is busy."""

import asyncio
import socket
import traceback
from collections.abc import Callable
from typing import Any

from mixnet_bench.cluster.answers import WorkerAnswer
from mixnet_bench.cluster.connection import Cluster
from mixnet_common.system_faults import user_error

ANSWER_S = 60.0
"""Until a host has to answer."""


def ask_hosts(cluster: Cluster, question: Callable[[], Any]) -> list[tuple[str, WorkerAnswer]]:
    """The results of a function on each host, in the order of the hosts' addresses."""
    by_host = {each.host: each for each in reversed(cluster.workers().values())}
    if not by_host:
        return []
    addresses = [each.address for each in by_host.values()]
    answers = cluster.client.run(_answer, question, workers=addresses, on_error="return")
    found = []
    for host, worker in sorted(by_host.items()):
        answer = answers.get(worker.address)
        if not isinstance(answer, WorkerAnswer):
            words = f"{type(answer).__name__}: {answer}"
            answer = WorkerAnswer(worker.address, host, failure=(f"no answer ({words})", ""))
        found.append((host, answer))
    return found


async def _answer(question: Callable[[], Any]) -> WorkerAnswer:
    """The answer, from a separate thread: the worker's must not wait for phones."""
    host = socket.gethostname()
    try:
        value = await asyncio.wait_for(asyncio.to_thread(question), ANSWER_S)
    except Exception as error:
        found = user_error(error)
        if found is not None:
            return WorkerAnswer("", host, failure=(found.message, found.hint))
        return WorkerAnswer("", host, bug=traceback.format_exception(error))
    return WorkerAnswer("", host, value=value)
