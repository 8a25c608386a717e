"""`lakehouse engine start|stop|status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lakehouse.cli.output import json_option, print_json, say

if TYPE_CHECKING:
    from lakehouse.engine.control import EngineStatus

_EPILOG = """\b
Examples:
  lakehouse engine start
  LAKEHOUSE_ENGINE=spark lakehouse engine start
  lakehouse engine status --json
"""
_START = """\b
Examples:
  lakehouse engine start
  LAKEHOUSE_ENGINE=spark lakehouse engine start
"""
_CHECK = """\b
Examples:
  lakehouse engine check && lakehouse run
"""
_STOP = """\b
Examples:
  lakehouse engine stop
"""
_STATUS = """\b
Examples:
  lakehouse engine status
  lakehouse engine status --json | jq .memory_used_gb
"""


@click.group(epilog=_EPILOG)
def engine() -> None:
    """The engine that computes: sail (default) or spark, set by LAKEHOUSE_ENGINE.

    `lakehouse run` starts it if it is not running.
    """


@engine.command(epilog=_START)
@json_option
def start(as_json: bool) -> None:
    """Start the engine and wait until it answers. Does nothing if it is running."""
    from lakehouse.engine import control

    _show(control.start(), as_json)


@engine.command(epilog=_CHECK)
def check() -> None:
    """Check whether the engine can start, without starting it.

    Fails if, for example, a port is in use or Java is missing; prints nothing if all is well.
    """
    from lakehouse.engine import control

    control.check()


@engine.command(epilog=_STOP)
@json_option
def stop(as_json: bool) -> None:
    """Stop the engine. Does nothing if it is not running."""
    from lakehouse.engine import control

    _show(control.stop(), as_json)


@engine.command(epilog=_STATUS)
@json_option
def status(as_json: bool) -> None:
    """Show whether the engine is running, its address, and its memory."""
    from lakehouse.engine import control

    _show(control.status(), as_json)


def _show(found: EngineStatus, as_json: bool) -> None:
    if as_json:
        print_json(found.to_json())
        return
    from lakehouse.config.settings import settings
    from lakehouse.engine.exposure import exposure

    say(f"{found.kind} engine is {found.state}" + (f" ({found.detail})" if found.detail else ""))
    if found.state != "stopped":
        say(f"  address   {found.address}, pid {found.pid}, since {found.started_at}, {found.restarts} restarts")
        say(f"  memory    {found.memory_used_gb:.1f} of {found.memory_limit_gb:.1f} GiB")
        if told := exposure(found, settings()):
            say(f"  access    {told}")
