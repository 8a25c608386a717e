"""`lakehouse gate accept`: rows of a table are gone on purpose."""

from __future__ import annotations

import click

from lakehouse.cli.output import say

_EPILOG = """\b
Examples:
  lakehouse gate accept silver.contacts --reason "contacts without an order since 2015 were deleted"
"""


@click.group(epilog=_EPILOG)
def gate() -> None:
    """Gates: accept what a gate holds against a table."""


@gate.command(epilog=_EPILOG)
@click.argument("table")
@click.option("--reason", required=True, help="Why rows are gone; kept in ops.accepted_losses.")
def accept(table: str, reason: str) -> None:
    """Accept that a table lost rows on purpose.

    The next run compares it with nothing, and takes a snapshot as it is that lacks more than half of the rows; later
    runs compare with what is left. Needs no engine.
    """
    from lakehouse.config.settings import settings
    from lakehouse.quality.gate import load_gate
    from lakehouse.storage.accepted_losses import accept_losses

    if not reason.strip():
        raise click.UsageError("the reason is empty: say why rows are gone")
    accept_losses([load_gate(table).table], reason.strip(), settings().lake)
    say(f"{table} may have fewer rows: run again.")
