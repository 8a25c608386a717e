"""Who can use the engine beside its owner, said in a sentence where that cannot be prevented."""

from __future__ import annotations

import sys

from lakehouse.config.settings import Settings
from lakehouse.engine.control import EngineStatus
from lakehouse.storage.discovery import is_remote

_REMEDY = "use LAKEHOUSE_ENGINE=spark, which asks for a token, or a machine that you share with nobody"


def exposure(found: EngineStatus, chosen: Settings) -> str:
    """Why other users of this machine can use the engine as it runs, or as it would be started, and what to do.

    Returns:
        One sentence; empty when they cannot, or when only a start can tell.
    """
    is_running = found.state != "stopped"
    if found.kind != "sail" or (is_running and found.is_private):
        return ""
    if chosen.engine_open:
        why, remedy = "LAKEHOUSE_ENGINE_OPEN is set", f"unset it, {_REMEDY}"
    elif is_remote(chosen.lake):
        why, remedy = "a lake in an object store needs the network", _REMEDY
    elif is_running or sys.platform != "linux":
        why, remedy = "this system gives it no network of its own (see engine.log)", _REMEDY
    else:
        return ""
    return (
        "every user of this machine can read and change the lake, and run code as you, through the engine, which has"
        f" no login: {why}; {remedy}"
    )
