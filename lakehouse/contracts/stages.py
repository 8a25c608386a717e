"""The stages of the pipeline, as ops.runs names them."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """In the order in which data takes them; `request` notes what a run was asked to send, `replay` repeats a part of
    `silver` for rows from quarantine, `removals` a part of `export` when gates block it; `plan` and `preview` show what
    `export` would do, `ready` waits until a platform can use what was exported; `profiles` loads
    gold into the profile store."""

    REQUEST = "request"
    EXTRACT = "extract"
    BRONZE = "bronze"
    SILVER = "silver"
    REPLAY = "replay"
    IDENTITIES = "identities"
    GATE = "gate"
    GOLD = "gold"
    PROFILES = "profiles"
    PLAN = "plan"
    PREVIEW = "preview"
    EXPORT = "export"
    REMOVALS = "removals"
    READY = "ready"
