"""``mixnet-bench devices``: the phones, their state, and what to do about it.

The group alone: each of its commands is a module of this folder, imported when it is called.
"""

import click

from mixnet_common.console import Group, example, json_option


@click.group(
    cls=Group,
    invoke_without_command=True,
    epilog=example("mixnet-bench devices", "mixnet-bench devices --json"),
)
@json_option
@click.pass_context
def devices(context: click.Context, as_json: bool) -> None:
    """List the phones that adb knows; for each that cannot be used, what to do about it."""
    if context.invoked_subcommand is None:
        from mixnet_bench.devices.listing import run

        run(as_json)


@devices.command(epilog=example("mixnet-bench devices clean --on adb:SERIAL"))
@click.option(
    "--on",
    default="adb",
    show_default=True,
    metavar="adb[:SERIAL]",
    help="Which phone; needed where there are several.",
)
def clean(on: str) -> None:
    """Remove everything that was put on a phone.

    Ends runs that are still going, and restores settings that a broken run left changed.
    """
    from mixnet_bench.devices.cleaning import run

    run(on)
