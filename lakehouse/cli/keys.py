"""`lakehouse keys create|list|revoke`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from lakehouse.cli.output import json_option, print_json, print_table, say

if TYPE_CHECKING:
    from lakehouse.keys.store import Scope

_EPILOG = """\b
Examples:
  lakehouse keys create --scope collect --name shop
  lakehouse keys list
  lakehouse keys revoke 1a2b3c4d
"""
_CREATE = """\b
Examples:
  lakehouse keys create --scope collect --name shop
  lakehouse keys create --scope profiles --name templates --json | jq -r .key
"""
_LIST = """\b
Examples:
  lakehouse keys list
  lakehouse keys list --json | jq -r '.[] | select(.revoked_at == "") | .key_id'
"""
_REVOKE = """\b
Examples:
  lakehouse keys revoke 1a2b3c4d
"""


@click.group(epilog=_EPILOG)
def keys() -> None:
    """Keys of the collector (scope collect) and of the profile API (scope profiles)."""


@keys.command(epilog=_CREATE)
@click.option("--scope", type=click.Choice(["collect", "profiles"]), required=True, help="What the key allows.")
@click.option("--name", default="", help="Who uses it, for the list.")
@json_option
def create(scope: str, name: str, as_json: bool) -> None:
    """Make a key and print it, this once: only its hash is kept."""
    from lakehouse.config.settings import settings
    from lakehouse.keys.store import create_key

    key, text = create_key(settings().home, cast("Scope", scope), name)
    if as_json:
        print_json({"key_id": key.key_id, "scope": scope, "name": name, "key": text})
        return
    say(text)
    say(f"This is the key, with id {key.key_id}. Keep it now: it is not shown again.", err=True)


@keys.command("list", epilog=_LIST)
@json_option
def list_keys(as_json: bool) -> None:
    """Show all keys with scope, name, and whether they were revoked."""
    from lakehouse.config.settings import settings
    from lakehouse.keys.store import read_keys

    columns = ("key_id", "scope", "name", "created_at", "revoked_at")
    rows = [tuple(getattr(key, column) for column in columns) for key in read_keys(settings().home)]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows)


@keys.command(epilog=_REVOKE)
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Make a key worthless at once, also for servers that run."""
    from lakehouse.config.settings import settings
    from lakehouse.keys.store import revoke_key

    key = revoke_key(settings().home, key_id)
    say(f"key {key.key_id} ({key.scope}{', ' + key.name if key.name else ''}) is revoked since {key.revoked_at}")
