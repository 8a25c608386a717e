"""What the supervisor records about the engine, and how everybody else reads it: <home>/engine/state.json."""

from __future__ import annotations

import dataclasses
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

from lakehouse.utils.atomic_files import write_whole

GB = 1024**3
_log = logging.getLogger(__name__)

Phase = Literal["starting", "running", "unhealthy", "stopped", "failed"]
Cause = Literal["died", "hung", "memory"]


@dataclass(frozen=True)
class Death:
    """The end of one engine process that nobody asked for."""

    epoch: str
    cause: Cause
    detail: str


@dataclass(frozen=True)
class EngineState:
    """One supervised engine. `epoch` names one life of the engine process: after a restart it is another, and all
    sessions are gone.

    `*_born` are process creation times (seconds since 1970): together with the pid they name a process beyond doubt.
    """

    phase: Phase
    kind: str
    host: str
    port: int
    thrift_port: int
    lake: str
    epoch: str
    session_id: str
    supervisor_pid: int
    supervisor_born: float
    memory_limit_gb: float
    started_at: str
    pid: int = 0
    born: float = 0.0
    restarts: int = 0
    detail: str = ""
    deaths: tuple[Death, ...] = field(default=())

    @property
    def is_engine_alive(self) -> bool:
        """Whether the engine's process is there, and is not another one with the same id."""
        return is_same_process(self.pid, self.born)

    @property
    def is_supervised(self) -> bool:
        """Whether the supervisor's process is there, and is not another one with the same id."""
        return is_same_process(self.supervisor_pid, self.supervisor_born)

    @property
    def is_usable(self) -> bool:
        """True when queries may be sent: answered its last health check and its process is there."""
        return self.phase == "running" and self.is_engine_alive

    def death_of(self, epoch: str) -> Death | None:
        """How the engine process of `epoch` ended, when it is known and not long ago."""
        return next((death for death in reversed(self.deaths) if death.epoch == epoch), None)


def engine_dir(home: Path) -> Path:
    """Where the engine keeps its state, spill files and jars."""
    return home.absolute() / "engine"


def state_path(home: Path) -> Path:
    """The file that holds the engine's state."""
    return engine_dir(home) / "state.json"


def read_state(home: Path) -> EngineState | None:
    """The recorded state, or None when no engine was ever started here or the record is of another version."""
    try:
        recorded: dict[str, Any] = json.loads(state_path(home).read_text())
        deaths = tuple(Death(**death) for death in recorded.pop("deaths"))
        return EngineState(**recorded, deaths=deaths)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        _log.warning("%s cannot be read (%s): taken as no engine", state_path(home), error)
        return None


def write_state(home: Path, state: EngineState) -> None:
    """Replace the record atomically: a reader sees the old one or the new one."""
    write_whole(state_path(home), json.dumps(dataclasses.asdict(state), indent=1))


def is_same_process(pid: int, born: float) -> bool:
    """Whether `pid` is still the process created at `born` (a pid alone may have been given to another program)."""
    if pid <= 0:
        return False
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - born) < 0.05 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def resident_gb(pid: int) -> float:
    """Memory that the process holds in RAM, GiB; 0 when it is gone. Both engines are single processes."""
    try:
        return float(psutil.Process(pid).memory_info().rss / GB)
    except psutil.NoSuchProcess:
        return 0.0
