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
    """A command to run, what to add to its environment, how long its first answer may take, and the ports that must be
    open by then."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    patience_seconds: float = 90
    further_ports: tuple[int, ...] = ()


def memory_limit_gb(settings: Settings) -> float:
    """The engine's memory limit in GiB: as set, or a third of the machine."""
    return settings.engine_memory_gb or round(psutil.virtual_memory().total / GB / 3, 1)
