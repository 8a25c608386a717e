"""`lakehouse realtime up|down|status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lakehouse.cli.output import json_option, print_json
from lakehouse.cli.services import show

if TYPE_CHECKING:
    from lakehouse.services.group import GroupStatus

_EPILOG = """\b
Examples:
  lakehouse realtime up
  lakehouse realtime status --json
  lakehouse realtime down
"""
_UP = """\b
Examples:
  lakehouse realtime up
  LAKEHOUSE_COLLECTOR_PORT=8081 lakehouse realtime up
"""
_DOWN = """\b
Examples:
  lakehouse realtime down
"""
_STATUS = """\b
Examples:
  lakehouse realtime status
  lakehouse realtime status --json | jq '.[].state'
"""


@click.group(epilog=_EPILOG)
def realtime() -> None:
    """The near real time part: it takes events and puts them into Kafka."""


@realtime.command(epilog=_UP)
@json_option
def up(as_json: bool) -> None:
    """Start it, with Kafka and Redis on this machine unless the settings name others. Does nothing if it is running."""
    from lakehouse.services.near_real_time import start

    _show(start(), as_json)


@realtime.command(epilog=_DOWN)
@json_option
def down(as_json: bool) -> None:
    """Stop it, then Kafka and Redis of this machine. Does nothing if they are not running."""
    from lakehouse.services.near_real_time import stop

    _show(stop(), as_json)


@realtime.command(epilog=_STATUS)
@json_option
def status(as_json: bool) -> None:
    """Show which of its programs run, and their memory."""
    from lakehouse.services.near_real_time import statuses

    _show(statuses(), as_json)


def _show(found: list[GroupStatus], as_json: bool) -> None:
    if as_json:
        print_json([each.to_json() for each in found])
        return
    for each in found:
        show(each, as_json=False)
