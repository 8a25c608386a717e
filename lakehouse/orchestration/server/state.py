"""What the platform's supervisor records about its parts: <home>/airflow/platform.json."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lakehouse.config.settings import settings
from lakehouse.engine.state import is_same_process
from lakehouse.orchestration.airflow_config import airflow_home
from lakehouse.utils.atomic_files import write_whole

Phase = Literal["starting", "running", "stopped", "failed"]
# What `lakehouse up` runs. Their log servers are off: logs are files the API server reads, and they would listen on all
# interfaces.
PARTS: dict[str, tuple[str, ...]] = {
    "api-server": ("airflow", "api-server"),
    "scheduler": ("airflow", "scheduler", "--skip-serve-logs"),
    "dag-processor": ("airflow", "dag-processor"),
    "triggerer": ("airflow", "triggerer", "--skip-serve-logs"),
}


@dataclass(frozen=True)
class Process:
    """A process beyond doubt: pid and creation time (seconds since 1970)."""

    pid: int
    born: float

    @property
    def is_alive(self) -> bool:
        """Whether the process is there, and is not another one with the same id."""
        return is_same_process(self.pid, self.born)


@dataclass(frozen=True)
class PlatformState:
    """The platform as its supervisor last saw it."""

    phase: Phase
    supervisor: Process
    port: int
    parts: dict[str, Process] = field(default_factory=dict)
    restarts: int = 0
    detail: str = ""


def state_path() -> Path:
    """The file that holds the state of the server."""
    return airflow_home() / "platform.json"


def read_state() -> PlatformState | None:
    """The record, or None when the platform was never started here."""
    try:
        found = json.loads(state_path().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    parts = {name: Process(**process) for name, process in found.pop("parts").items()}
    return PlatformState(**found | {"supervisor": Process(**found["supervisor"]), "parts": parts})


def is_up() -> bool:
    """Whether a platform is at work in this home (its supervisor is alive)."""
    state = read_state()
    return state is not None and state.supervisor.is_alive


def write_state(state: PlatformState) -> None:
    """Replace the record in one step."""
    write_whole(state_path(), json.dumps(dataclasses.asdict(state), indent=1))


def part_log(part: str) -> Path:
    """The log file of a part, e.g. <home>/logs/airflow/scheduler.log."""
    return settings().logs / "airflow" / f"{part}.log"
