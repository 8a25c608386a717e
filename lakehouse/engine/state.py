"""The record of the engine, written by its supervisor and read by everybody else: <home>/engine/state.json."""

from __future__ import annotations

import dataclasses
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lakehouse.utils.atomic_files import write_private
from lakehouse.utils.processes import ProcessId

_log = logging.getLogger(__name__)

Phase = Literal["starting", "running", "unhealthy", "stopped", "failed"]
Cause = Literal["died", "hung", "memory"]
Credentials = tuple[tuple[str, str], ...]  # metadata of a grpc call


@dataclass(frozen=True)
class Death:
    """An engine process that ended without having been asked to."""

    epoch: str
    cause: Cause
    detail: str


@dataclass(frozen=True)
class EngineState:
    """One supervised engine.

    `address` is where it takes queries, as grpc spells it, and `token` what it asks for there, if anything; both are
    of one epoch. `port` is the one that the settings ask it to listen on, 0 for none. `is_private` tells whether its
    owner alone can use it. `epoch` names one run of the engine process: after a restart it is another one, and all
    sessions are gone.
    `*_born` are creation times of processes (see ProcessId).
    """

    phase: Phase
    kind: str
    port: int
    lake: str
    epoch: str
    session_id: str
    supervisor_pid: int
    supervisor_born: float
    memory_limit_gb: float
    started_at: str
    address: str = ""
    token: str = field(default="", repr=False)
    is_private: bool = True
    pid: int = 0
    born: float = 0.0
    restarts: int = 0
    detail: str = ""
    deaths: tuple[Death, ...] = field(default=())

    @property
    def engine(self) -> ProcessId:
        """The engine's process."""
        return ProcessId(self.pid, self.born)

    @property
    def supervisor(self) -> ProcessId:
        """The process of the engine's supervisor."""
        return ProcessId(self.supervisor_pid, self.supervisor_born)

    @property
    def credentials(self) -> Credentials:
        """What every call to the engine has to carry."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    @property
    def is_engine_alive(self) -> bool:
        """Whether the engine's process runs, and not another one with the same pid."""
        return self.engine.is_alive

    @property
    def is_supervised(self) -> bool:
        """Whether the supervisor's process runs, and not another one with the same pid."""
        return self.supervisor.is_alive

    @property
    def is_usable(self) -> bool:
        """Whether it takes queries: it answered its last health check, and its process is alive."""
        return self.phase == "running" and self.is_engine_alive

    def death_of(self, epoch: str) -> Death | None:
        """How the engine process of `epoch` ended; None when it runs, or ended too long ago to be in the record."""
        return next((death for death in reversed(self.deaths) if death.epoch == epoch), None)


def engine_dir(home: Path) -> Path:
    """Where the engine keeps its state, spill files and jars."""
    return home.absolute() / "engine"


def state_path(home: Path) -> Path:
    """The file that holds the engine's state."""
    return engine_dir(home) / "state.json"


def read_state(home: Path) -> EngineState | None:
    """The recorded state; None when no engine was ever started here, or the record is of another version."""
    try:
        recorded: dict[str, Any] = json.loads(state_path(home).read_text())
        deaths = tuple(Death(**death) for death in recorded.pop("deaths"))
        return EngineState(**recorded, deaths=deaths)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        _log.warning("%s cannot be read (%s): it is ignored, as if no engine had been started", state_path(home), error)
        return None


def write_state(home: Path, state: EngineState) -> None:
    """Replace the record atomically: a reader sees the old one or the new one."""
    write_private(state_path(home), json.dumps(dataclasses.asdict(state), indent=1))
