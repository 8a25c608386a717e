"""`lakehouse sources retire|rename`: what becomes of a source that sources.yml does not declare any more."""

from __future__ import annotations

import dataclasses

import click

from lakehouse.cli.output import json_option, print_json, print_table, say

_RETIRE = """\b
Examples:
  lakehouse sources retire old_shop          # shows what it will remove
  lakehouse sources retire old_shop --yes
  lakehouse sources retire old_shop --keep-rows --yes
"""
_RENAME = """\b
Examples:
  lakehouse sources rename crm hubspot
"""


@click.command(epilog=_RETIRE)
@click.argument("name")
@click.option("--keep-rows", is_flag=True, help="It delivers no more, but what it delivered stays.")
@click.option("--yes", is_flag=True, help="Do it; without this, only show what it will remove.")
@json_option
def retire(name: str, keep_rows: bool, yes: bool, as_json: bool) -> None:
    """Take a source out for good, or let it end.

    Shows what the next rebuild will remove: also refusals of mail that nobody else has delivered. Bronze keeps the
    rows; declared again, the source is read again. With --keep-rows nothing is removed: it says that the source, or a
    dataset of it, is missing in sources.yml on purpose, which exports wait for. Needs no engine.
    """
    if keep_rows:
        _end(name, yes, as_json)
        return
    from lakehouse.config.settings import settings
    from lakehouse.landing.source_decisions import retire as retire_source
    from lakehouse.landing.source_decisions import what_retiring_removes
    from lakehouse.quality.gate import computed_tables

    lake = settings().lake
    removals = what_retiring_removes(name, lake)
    if yes:
        retire_source(name, computed_tables(), lake)
    if as_json:
        print_json({"source": name, "retired": yes, "removes": [dataclasses.asdict(removal) for removal in removals]})
        return
    print_table(
        ("dataset", "rows delivered", "rows in silver", "of them refusals of mail"),
        [(each.dataset, each.count_delivered, each.count_rows, each.count_refusals) for each in removals],
    )
    say(
        f"{name} is retired. Run `lakehouse run --full`, which takes its rows out of silver and gold."
        if yes
        else f"Nothing has changed yet. To retire {name}, run `lakehouse sources retire {name} --yes`."
    )


def _end(name: str, yes: bool, as_json: bool) -> None:
    from lakehouse.config.settings import settings
    from lakehouse.landing.source_decisions import end, ending_datasets

    lake = settings().lake
    datasets = end(name, lake) if yes else ending_datasets(name, lake)
    if as_json:
        print_json({"source": name, "ended": yes, "datasets": datasets})
        return
    listed = ", ".join(datasets)
    say(
        f"{name} delivers {listed} no more; what it delivered stays."
        if yes
        else f"Nothing has changed yet. To record that {name} delivers {listed} no more, add --yes."
    )


@click.command(epilog=_RENAME)
@click.argument("old")
@click.argument("new")
def rename(old: str, new: str) -> None:
    """Go on with a source under another name.

    First give it the new name in sources.yml. Rows that it does not deliver any more are then deleted, and nothing is
    loaded twice. Needs no engine.
    """
    from lakehouse.config.settings import settings
    from lakehouse.landing.source_decisions import rename as rename_source

    rename_source(old, new, settings())
    say(f"{old} goes on as {new}.")
