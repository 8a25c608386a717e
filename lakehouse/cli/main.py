"""Entry point of the command line: commands by name, errors with their remedy on standard error, exit codes.

Exit codes: 0 succeeded, 1 failed (the message says what to do), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from lakehouse.cli.output import say
from lakehouse.errors import LakehouseError
from lakehouse.utils.atomic_files import keep_new_files_private
from lakehouse.utils.foreign_errors import UnexpectedError, as_ours
from lakehouse.utils.log_records import clean_log_records

# command -> module:object and its line in `lakehouse --help`, so that help need not import them
COMMANDS = {
    "run": ("lakehouse.cli.run:run", "Load the sources, build profiles, export a campaign's audience."),
    "presend": ("lakehouse.cli.presend:presend", "Refresh what a campaign needs, and send what changed."),
    "sample": ("lakehouse.cli.sample:sample", "Build the sample data."),
    "sql": ("lakehouse.cli.sql:sql", "Query the tables of the lake, read-only; needs no server."),
    "status": ("lakehouse.cli.status:status", "Show the age and the last run of every table."),
    "plan": ("lakehouse.cli.plan:plan", "Show what an export would do, and whether it is ready in time."),
    "preview": ("lakehouse.cli.preview:preview", "Show who gets a campaign and which mail, and send nothing."),
    "sources": ("lakehouse.cli.sources:sources", "Check sources, take one out for good, give one another name."),
    "segments": ("lakehouse.cli.segments:segments", "List segments, and preview one before it is built."),
    "exports": ("lakehouse.cli.exports:exports", "Show what was sent, and whom platforms refused."),
    "why": ("lakehouse.cli.why:why", "Show why a customer got a campaign, or did not."),
    "quarantine": ("lakehouse.cli.quarantine:quarantine", "Show rejected rows, and replay them after a fix."),
    "gate": ("lakehouse.cli.gate:gate", "Accept that a table lost rows on purpose."),
    "repair": ("lakehouse.cli.repair:repair", "Make damaged tables again, from what holds the same rows."),
    "engine": ("lakehouse.cli.engine:engine", "Start, stop or check the engine (Sail or Spark)."),
    "simulate": ("lakehouse.cli.simulate:simulate", "Run a local server that behaves like an e-mail platform."),
    "realtime": ("lakehouse.cli.realtime:realtime", "Start, stop or check what takes events while they happen."),
    "profiles": ("lakehouse.cli.profiles:profiles", "Load profiles from gold into the profile store."),
    "deadletters": ("lakehouse.cli.deadletters:deadletters", "Show events that break the contract, and replay them."),
    "keys": ("lakehouse.cli.keys:keys", "Make, list and revoke keys of the collector and of the profile API."),
    "services": ("lakehouse.cli.services:services", "Start, stop or check Kafka and Redis on this machine."),
    "up": ("lakehouse.cli.up_down:up", "Start Airflow, with its UI, and the engine."),
    "down": ("lakehouse.cli.up_down:down", "Stop Airflow and the engine."),
    "doctor": ("lakehouse.cli.doctor:doctor", "Check this machine and its configuration."),
}

_EPILOG = """\b
Examples:
  lakehouse sample build
  lakehouse run --campaign lapsing_high_value_offer --as-of 2018-01-02T00:00:00Z
  lakehouse sql "select segment, count(*) from gold.segment_members group by segment"
  lakehouse status

\b
Data is kept in LAKEHOUSE_HOME (default var/), configuration in LAKEHOUSE_CONF (default conf/).
`lakehouse doctor --settings` lists all settings.
"""


class _Commands(click.Group):
    """A group that imports a command only when it is called."""

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
@click.option("--debug", is_flag=True, help="Show tracebacks and debug messages, which may hold values of rows.")
@click.version_option(package_name="mail-lakehouse", prog_name="lakehouse")
def cli(debug: bool) -> None:
    """A lakehouse for personalised e-mail: customer profiles that are correct, fresh and checked before each send."""
    from lakehouse.config.settings import environment_secrets  # not for --help, which needs no settings

    clean_log_records(environment_secrets())
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are printed on standard error.

    Without `arguments`, as a program, it makes everything that it and its child processes (engine, scheduler) write
    readable by the owner only, because it is personal data.
    """
    if arguments is None:
        keep_new_files_private()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code: Any = cli.main(given, prog_name="lakehouse", standalone_mode=False)
    except click.exceptions.Abort:
        return _fail("interrupted", 130)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        # The reader (head, less) has closed the pipe; Python must not write to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except LakehouseError as error:
        if "--debug" in given:
            raise
        return _fail_with_remedy(error)
    except Exception as error:
        if "--debug" in given:
            raise
        ours = as_ours(error, "lakehouse " + " ".join(word for word in given[:2] if not word.startswith("-")))
        if not isinstance(ours, UnexpectedError):
            return _fail_with_remedy(ours)
        return _fail_with_remedy(_behind(ours), "\n`lakehouse --debug ...` shows it on this terminal.")
    return code if isinstance(code, int) else 0


def _behind(unexpected: LakehouseError) -> LakehouseError:
    """What an unexpected error may come from; it needs settings, which may be what is wrong."""
    from lakehouse.config.settings import settings
    from lakehouse.storage.damage import behind

    try:
        return behind(unexpected, settings().lake)
    except LakehouseError as error:
        return error


def _fail_with_remedy(error: LakehouseError, more: str = "") -> int:
    return _fail(f"Error: {error.what.rstrip('.')}.\n{error.remedy}{more}")


def _fail(message: str, code: int = 1) -> int:
    say(message, err=True)
    return code
