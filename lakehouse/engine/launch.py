"""What it takes to start an engine, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass, field

import psutil

from lakehouse.config.settings import Settings
from lakehouse.utils.processes import GB

# Sessions hold the table names of everybody who uses the engine, so they must outlive any pause between runs.
SESSION_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class Launch:
    """A command to run, what to add to its environment, and how long its first answer may take.

    `address` is where it then takes queries, as grpc spells it, and `token` what a client has to show there, if
    anything.
    """

    command: list[str]
    address: str
    token: str = field(default="", repr=False)
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    patience_seconds: float = 90


def listening_port(settings: Settings) -> int:
    """The port of this machine that the settings ask the engine to listen on; 0 when nobody needs one."""
    return settings.engine_port if settings.engine == "spark" or settings.engine_open else 0


def memory_limit_gb(settings: Settings) -> float:
    """The engine's memory limit in GiB: as set, or a third of the machine."""
    return settings.engine_memory_gb or round(psutil.virtual_memory().total / GB / 3, 1)
