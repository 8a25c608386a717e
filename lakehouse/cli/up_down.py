"""`lakehouse up` and `lakehouse down`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lakehouse.cli.output import json_option, print_json, say

if TYPE_CHECKING:
    from lakehouse.orchestration.server.control import ServerStatus

_UP = """\b
Examples:
  lakehouse up
  LAKEHOUSE_AIRFLOW_PORT=8080 lakehouse up
"""
_DOWN = """\b
Examples:
  lakehouse down
  lakehouse down --wait
"""


@click.command(epilog=_UP)
@json_option
def up(as_json: bool) -> None:
    """Start the engine and Airflow, and print the address and login of its UI.

    The UI is reachable from this machine only. Does nothing if they are running.
    """
    from lakehouse.orchestration.server import control

    _show(control.up(), as_json)


@click.command(epilog=_DOWN)
@click.option("--wait", is_flag=True, help="First wait until no command is at work in this home.")
@click.option("--force", is_flag=True, help="End commands that are at work, too.")
@json_option
def down(wait: bool, force: bool, as_json: bool) -> None:
    """Stop Airflow, with the tasks that it runs, the near real time part, and the engine.

    Does nothing if they are not running.

    While `lakehouse run` or another command is at work in this home, nothing is stopped unless --wait or --force is
    given. Work that is ended is gone on with by the next run.
    """
    from lakehouse.orchestration.shut_down import shut_down

    if wait and force:
        raise click.UsageError("give either --wait or --force")
    _show(shut_down(wait, force), as_json)


def _show(found: ServerStatus, as_json: bool) -> None:
    if as_json:
        print_json(found.to_json())
        return
    from lakehouse.config.settings import settings
    from lakehouse.engine import control as engine
    from lakehouse.engine.exposure import exposure

    say(f"Airflow is {found.state}" + (f" ({found.detail})" if found.detail else ""))
    if found.state == "running":
        say(f"  address   {found.address}   (campaigns, dbt docs and Data Docs are in its menu)")
        say(f"  login     {found.login}")
        say(f"  password  {found.password}")
        if told := exposure(engine.status(), settings()):
            say(f"  engine    {told}")
    if found.paused:
        say(f"  paused    {', '.join(found.paused)}")
        say("            A paused DAG is not started by its schedule, and what is triggered waits as queued.")
        say('            Switch it on in the UI, or with PATCH /api/v2/dags/<dag> and {"is_paused": false}.')
