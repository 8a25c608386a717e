"""`lakehouse engine start|stop|status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lakehouse.cli.output import json_option, print_json

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
    """The engine that computes: sail (default) or spark, by LAKEHOUSE_ENGINE. Runs start it themselves."""


@engine.command(epilog=_START)
@json_option
def start(as_json: bool) -> None:
    """Start the engine under its supervisor and wait for its first answer; a running one is left alone."""
    from lakehouse.engine import control

    _show(control.start(), as_json)


@engine.command(epilog=_CHECK)
def check() -> None:
    """Say what would keep the engine from starting (a port in use, no Java), and start nothing; silent when all is
    well."""
    from lakehouse.engine import control

    control.check()


@engine.command(epilog=_STOP)
@json_option
def stop(as_json: bool) -> None:
    """Stop the engine; nothing happens when none runs."""
    from lakehouse.engine import control

    _show(control.stop(), as_json)


@engine.command(epilog=_STATUS)
@json_option
def status(as_json: bool) -> None:
    """Say whether the engine runs, where, and how much memory it uses and may use."""
    from lakehouse.engine import control

    _show(control.status(), as_json)


def _show(found: EngineStatus, as_json: bool) -> None:
    if as_json:
        print_json(found.to_json())
        return
    click.echo(f"{found.kind} engine is {found.state}" + (f" ({found.detail})" if found.detail else ""))
    if found.state != "stopped":
        click.echo(
            f"  address   {found.host}:{found.port}, pid {found.pid}, since {found.started_at}, {found.restarts} restarts"
        )
        click.echo(f"  memory    {found.memory_used_gb:.1f} of {found.memory_limit_gb:.1f} GiB")
