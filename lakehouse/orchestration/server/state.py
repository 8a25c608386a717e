"""The record of Airflow's servers, written by their supervisor: <home>/airflow/servers.json."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lakehouse.config.settings import settings
from lakehouse.orchestration.airflow_config import airflow_home
from lakehouse.utils.atomic_files import write_whole
from lakehouse.utils.processes import ProcessId

Phase = Literal["starting", "running", "stopped", "failed"]
# What `lakehouse up` runs. Their log servers are off: they would listen on all interfaces, and logs are files that the
# API server reads.
PARTS: dict[str, tuple[str, ...]] = {
    "api-server": ("airflow", "api-server"),
    "scheduler": ("airflow", "scheduler", "--skip-serve-logs"),
    "dag-processor": ("airflow", "dag-processor"),
    "triggerer": ("airflow", "triggerer", "--skip-serve-logs"),
}


@dataclass(frozen=True)
class ServerState:
    """Airflow's servers (`parts`: name -> process) as their supervisor last saw them."""

    phase: Phase
    supervisor: ProcessId
    port: int
    parts: dict[str, ProcessId] = field(default_factory=dict)
    restarts: int = 0
    detail: str = ""


def state_path() -> Path:
    """The file that holds the state of the server."""
    return airflow_home() / "servers.json"


def read_state() -> ServerState | None:
    """The record, or None when the servers were never started here."""
    try:
        found = json.loads(state_path().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    parts = {name: ProcessId(**process) for name, process in found.pop("parts").items()}
    return ServerState(**found | {"supervisor": ProcessId(**found["supervisor"]), "parts": parts})


def is_up() -> bool:
    """Whether Airflow's servers run in this home (their supervisor is alive)."""
    state = read_state()
    return state is not None and state.supervisor.is_alive


def write_state(state: ServerState) -> None:
    """Replace the record in one step."""
    write_whole(state_path(), json.dumps(dataclasses.asdict(state), indent=1))


def part_log(part: str) -> Path:
    """The log file of a part, e.g. <home>/logs/airflow/scheduler.log."""
    return settings().logs / "airflow" / f"{part}.log"
