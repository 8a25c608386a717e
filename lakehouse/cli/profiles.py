"""`lakehouse profiles sync`."""

from __future__ import annotations

import click

from lakehouse.cli.output import json_option, print_json, say

_EPILOG = """\b
Examples:
  lakehouse profiles sync
  lakehouse profiles sync --full
"""
_SYNC = """\b
Examples:
  lakehouse profiles sync
  lakehouse profiles sync --full --json
"""


@click.group(epilog=_EPILOG)
def profiles() -> None:
    """The profiles that the profile API answers."""


@profiles.command(epilog=_SYNC)
@click.option("--full", "is_full", is_flag=True, help="Load all of them again, beside those that are read meanwhile.")
@json_option
def sync(is_full: bool, as_json: bool) -> None:
    """Load customers of gold that have changed into the profile store, and remove those who are gone."""
    from lakehouse.config.settings import settings
    from lakehouse.profiles.stores import stores_to_sync
    from lakehouse.profiles.sync import sync_profiles

    chosen = settings()
    done = sync_profiles(chosen, lambda: stores_to_sync(chosen), is_full)
    if as_json:
        print_json({"full": done.is_full, "written": done.written, "removed": done.removed})
        return
    kind = "all loaded" if done.is_full else "changes loaded"
    say(f"{kind}: {done.written:,} profiles and aliases written, {done.removed:,} removed")
