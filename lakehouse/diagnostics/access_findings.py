"""Who else can reach what is here: the address that the engine listens on, and the owners of files in the home."""

from __future__ import annotations

import os

from lakehouse.config.settings import Settings
from lakehouse.diagnostics.finding import Finding
from lakehouse.utils.no_access import owner_of, this_user
from lakehouse.utils.ports import is_loopback


def access_findings(chosen: Settings) -> list[Finding]:
    """Whether the engine listens on loopback, and the home belongs to who runs this."""
    return [_host(chosen), _owner(chosen)]


def _host(chosen: Settings) -> Finding:
    detail = f"the engine's address is {chosen.engine_host}"
    remedy = (
        "Set LAKEHOUSE_ENGINE_HOST to 127.0.0.1: the engine does not start on an address that others can reach. To use"
        " it from elsewhere, put an SSH tunnel, or a proxy with TLS and a login, in front."
    )
    return Finding("host", is_loopback(chosen.engine_host), detail, remedy)


def _owner(chosen: Settings) -> Finding:
    """Whether the home and the folders below it belong to who runs this; what another user writes stays theirs."""
    if not chosen.home.exists():
        return Finding("owner", True, f"{chosen.home} does not exist yet; the first run creates it")
    places = [place for place in (chosen.home, *chosen.home.glob("*"), *chosen.home.glob("*/*")) if place.exists()]
    others = [place for place in places if place.lstat().st_uid != os.geteuid()]
    shown = ", ".join(f"{place} ({owner_of(place)})" for place in others[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    detail = f"these belong to somebody else: {shown}{more}" if others else f"{chosen.home} belongs to {this_user()}"
    remedy = (
        f"Run the lakehouse as their owner, or `sudo chown -R {this_user()} {chosen.home}` and always as {this_user()}."
    )
    return Finding("owner", not others, detail, remedy)
