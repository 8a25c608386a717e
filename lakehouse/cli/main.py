"""Entry of the command line: commands by name, errors with their remedy on standard error, exit codes.

Exit codes: 0 it held, 1 it failed (the message says what to do), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from lakehouse.errors import LakehouseError
from lakehouse.utils.disk_full import no_room

# command -> module:object and its line in `lakehouse --help`, so that help imports none of them
COMMANDS = {
    "run": ("lakehouse.cli.run:run", "Run the main job: dumps to profiles to a campaign's audience."),
    "sample": ("lakehouse.cli.sample:sample", "Build the sample dumps."),
    "sql": ("lakehouse.cli.sql:sql", "Query the lake, read-only, without a server."),
    "status": ("lakehouse.cli.status:status", "Freshness and last run of every table."),
    "quarantine": ("lakehouse.cli.quarantine:quarantine", "Look at rejected rows and replay them."),
    "engine": ("lakehouse.cli.engine:engine", "Start, stop and look at the engine."),
    "up": ("lakehouse.cli.platform:up", "Start the platform with the Airflow UI."),
    "down": ("lakehouse.cli.platform:down", "Stop the platform and the engine."),
    "doctor": ("lakehouse.cli.doctor:doctor", "Say what is missing, with the remedy."),
}

_EPILOG = """\b
Examples:
  lakehouse sample build
  lakehouse run --campaign lapsing_high_value_offer --as-of 2018-01-02T00:00:00Z
  lakehouse sql "select segment, count(*) from gold.segment_members group by segment"
  lakehouse status

\b
LAKEHOUSE_HOME (default var/) and LAKEHOUSE_CONF (default conf/) say where everything is; `lakehouse doctor --settings` lists all settings.
"""


class _Commands(click.Group):
    """A group that imports a command when it is called, and not for help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        found: click.Command = getattr(importlib.import_module(module), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.option("--debug", is_flag=True, help="Show tracebacks and debug messages.")
@click.version_option(package_name="mail-lakehouse", prog_name="lakehouse")
def cli(debug: bool) -> None:
    """A lakehouse that makes every customer profile right, fresh and proven before the e-mail is sent."""
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are told on standard error.

    As a program, whatever it and its children (engine, scheduler) write is readable by its owner only: it is about
    persons.
    """
    if arguments is None:
        os.umask(0o077)
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code: Any = cli.main(given, prog_name="lakehouse", standalone_mode=False)
    except click.exceptions.Abort:
        return _told("interrupted", 130)
    except KeyboardInterrupt:
        return _told("interrupted", 130)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        # The reader (head, less) has gone; nothing more can be told it, and Python must not try at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except LakehouseError as error:
        if "--debug" in given:
            raise
        return _told_error(error)
    except Exception as error:
        if "--debug" in given:
            raise
        full = no_room(error, "lakehouse " + " ".join(word for word in given[:2] if not word.startswith("-")))
        if full is not None:
            return _told_error(full)
        return _told(
            f"Error: {type(error).__name__}: {error}\nThis is not a case we foresaw: run `lakehouse --debug ...` for details.",
            1,
        )
    return code if isinstance(code, int) else 0


def _told_error(error: LakehouseError) -> int:
    return _told(f"Error: {error.what.rstrip('.')}.\n{error.remedy}", 1)


def _told(message: str, code: int) -> int:
    click.echo(message, err=True)
    return code
