"""``mixnet-bench devices``: the list of phones, as a table or as JSON."""

from collections.abc import Sequence

from mixnet_bench.cluster.address import Address
from mixnet_bench.cluster.connection import connected
from mixnet_bench.cluster.hosts import ask_hosts
from mixnet_bench.phones.listing import (
    COLUMNS,
    ListedPhone,
    from_plain,
    list_phones,
    listed_plainly,
)
from mixnet_common import MixnetError
from mixnet_common.console import print_json, print_table, say, warn
from mixnet_common.json_object import WrongValueError


def run_listing(as_json: bool, address: Address | None = None) -> None:
    """List the phones of this machine, or of a cluster's hosts.

    Raises AdbError if adb is missing here or doesn't work; of other hosts that is a warning.
    """
    found = list_phones() if address is None else _on_cluster(address)
    if as_json:
        print_json([each.record for each in found])
        return
    if not found:
        say("no phone: connect one and enable USB debugging in its developer options")
        return
    _print(found, with_hosts=address is not None)
    for each in found:
        if each.record.same_as is not None:
            say(f"{each.record.serial} is the same phone as {each.record.same_as}")
        for sentence in each.record.advice:
            say(f"{each.record.serial}: {sentence}")


def _print(found: Sequence[ListedPhone], *, with_hosts: bool) -> None:
    if not with_hosts:
        print_table(COLUMNS, [each.row for each in found])
        return
    rows = [(each.record.host or "", *each.row) for each in found]
    print_table(("host", *COLUMNS), rows, left=2)


def _on_cluster(address: Address) -> list[ListedPhone]:
    """The phones of all hosts, in the order of these."""
    found: list[ListedPhone] = []
    with connected(address) as cluster:
        for host, answer in ask_hosts(cluster, listed_plainly):
            if answer.value is None:
                warn(f"{host}: {answer.words}")
                continue
            try:
                found += from_plain(answer.value, host)
            except (WrongValueError, KeyError, TypeError) as error:
                raise MixnetError(
                    f"{host} sent an unexpected answer: {error}",
                    "install the same version of mixnet-mobile on all machines",
                ) from error
    return found
