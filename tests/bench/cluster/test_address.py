"""What --dask takes, and what it refuses before anything is connected to."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from mixnet_bench.cli import main
from mixnet_bench.cluster.address import Address, check_reached, parse_address
from mixnet_bench.cluster.connection import connected
from mixnet_common import MixnetError, UsageError

PARITY = ["parity", "a.tflite", "b.tflite", "--data", "photos"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("local", Address()),
        ("local:3", Address(workers=3)),
        ("tls://lab.example:8786", Address("tls://lab.example:8786")),
        ("127.0.0.1:8786", Address("tcp://127.0.0.1:8786")),
        ("tcp://[::1]:8786", Address("tcp://[::1]:8786")),
        ("localhost:1", Address("tcp://localhost:1")),
    ],
)
def test_an_address_is_a_scheduler_or_this_machine(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("local:0", "1 to 256"),
        ("local:many", "whole number"),
        ("lab", "not the address of a scheduler"),
        ("lab:99999", "not the address of a scheduler"),
        ("ucx://127.0.0.1:1", "not the address of a scheduler"),
        ("tcp://:8786", "not the address of a scheduler"),
        ("lab:8786", "has no TLS"),
        ("10.0.0.7:8786", "has no TLS"),
        ("tcp://127.0.0.1.example:8786", "has no TLS"),
        ("0.0.0.0:8786", "has no TLS"),
    ],
)
def test_anything_else_is_refused_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse_address(text)
    assert caught.value.hint or "1 to 256" in str(caught.value) or "local:N" in str(caught.value)


def test_without_tls_beyond_loopback_only_on_request() -> None:
    assert parse_address("10.0.0.7:8786", insecure=True) == Address(
        "tcp://10.0.0.7:8786", insecure=True
    )
    with pytest.raises(UsageError, match="--insecure needs --dask"):
        parse_address(None, insecure=True)


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        (Address("tcp://127.0.0.1:1"), True),
        (Address("tcp://127.0.0.1:1", insecure=True), False),
        (Address("tls://127.0.0.1:1"), False),
    ],
)
def test_a_scheduler_that_listens_to_others_too_is_refused(address: Address, refused: bool) -> None:
    check_reached(address, "tcp://127.0.0.1:1")
    if refused:
        with pytest.raises(UsageError, match=r"10\.0\.0\.7:1 has no TLS"):
            check_reached(address, "tcp://10.0.0.7:1")
    else:
        check_reached(address, "tcp://10.0.0.7:1")


def test_the_command_refuses_before_it_reads_a_file() -> None:
    result = CliRunner().invoke(main, [*PARITY, "--dask", "lab:8786"])
    assert result.exit_code == 2
    assert "has no TLS" in result.output or "no file" in result.output


def test_without_dask_installed_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MixnetError) as caught, connected(Address()):
        pass
    assert caught.value.hint == 'install it: pip install "mixnet-mobile[cluster]"'


def test_tls_without_certificates_says_how_to_name_them() -> None:
    with (
        pytest.raises(UsageError, match="has none") as caught,
        connected(Address("tls://127.0.0.1:1")),
    ):
        pass
    assert "distributed.comm.tls.ca-file" in caught.value.hint


@pytest.mark.long
def test_nobody_there_is_an_error_with_the_address() -> None:
    with (
        pytest.raises(MixnetError, match=r"cannot reach .*tcp://127\.0\.0\.1:1"),
        connected(Address("tcp://127.0.0.1:1")),
    ):
        pass


def test_nothing_of_dask_is_imported_without_the_option() -> None:
    code = (
        "import pkgutil, sys, importlib, mixnet_bench.cli, mixnet_bench.cluster as c\n"
        "for each in pkgutil.walk_packages(c.__path__, 'mixnet_bench.cluster.'):\n"
        "    importlib.import_module(each.name)\n"
        "import mixnet_bench.commands.parity, mixnet_bench.commands.run\n"
        "print(*sorted({each.partition('.')[0] for each in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "mixnet_bench" in loaded
    assert not loaded & {"dask", "distributed", "tornado", "cloudpickle"}
