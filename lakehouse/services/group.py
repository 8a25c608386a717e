"""A group of programs: what it consists of, `up`, `down` and `status`. Each group has one supervisor and one record."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

from lakehouse.config.settings import environment_with, own_settings, settings
from lakehouse.errors import TransientError
from lakehouse.utils.atomic_files import write_private
from lakehouse.utils.file_lock import held_lock
from lakehouse.utils.processes import ProcessId, end_trees, last_lines, resident_gb, start_detached, wait_for

_STOP_SECONDS = 60.0
_LEFTOVER_SECONDS = 10.0


@dataclass(frozen=True)
class Part:
    """A program of a group: its command, where it listens, and whether it is ready to be used.

    `stop_seconds` is how long it may take to end by itself.
    """

    name: str
    command: Sequence[str]
    address: str
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    start_seconds: float = 120.0
    stop_seconds: float = 20.0


@dataclass(frozen=True)
class Group:
    """Programs that are started in order, each when the one before is ready.

    Attributes:
        name: of its files, and in messages.
        module: the module that declares it as `GROUP`; its supervisor imports that.
        parts: the programs, prepared to be started; raises what keeps them from it.
    """

    name: str
    module: str
    parts: Callable[[], Sequence[Part]]

    @property
    def folder(self) -> Path:
        """Its record and its locks."""
        return settings().home / "services" / self.name

    def log(self, part: str) -> Path:
        """The log file of a part, or of the `supervisor`."""
        return settings().logs / self.name / f"{part}.log"


@dataclass(frozen=True)
class GroupState:
    """A group as its supervisor last saw it; `ready`: names of the parts that have answered since they were started."""

    phase: Literal["starting", "running", "stopped", "failed"]
    supervisor: ProcessId
    parts: dict[str, ProcessId] = field(default_factory=dict)
    ready: tuple[str, ...] = ()
    restarts: int = 0
    detail: str = ""


@dataclass(frozen=True)
class PartStatus:
    """What `status` shows of a part. Memory in GiB."""

    name: str
    state: Literal["running", "starting", "stopped"]
    pid: int
    memory_gb: float


@dataclass(frozen=True)
class GroupStatus:
    """What `status` shows of a group."""

    name: str
    state: Literal["running", "starting", "stopped", "failed"]
    parts: tuple[PartStatus, ...]
    restarts: int
    detail: str

    def to_json(self) -> dict[str, Any]:
        """The status as plain values."""
        return dataclasses.asdict(self)


class GroupNotStartedError(TransientError):
    """A part of a group did not start."""

    def __init__(self, group: Group, problem: str) -> None:
        super().__init__(f"{group.name} did not start: {problem}", f"The logs are in {group.log('supervisor').parent}.")


def group_of(module: str) -> Group:
    """The group that a module declares."""
    found: Group = importlib.import_module(module).GROUP
    return found


def read_state(group: Group) -> GroupState | None:
    """The record of a group; None when it was never started in this home."""
    try:
        found = json.loads((group.folder / "state.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    parts = {name: ProcessId(**process) for name, process in found.pop("parts").items()}
    ready = tuple(found.pop("ready"))
    return GroupState(**found | {"supervisor": ProcessId(**found["supervisor"]), "parts": parts, "ready": ready})


def write_state(group: Group, state: GroupState) -> None:
    """Replace the record in one step."""
    write_private(group.folder / "state.json", json.dumps(dataclasses.asdict(state), indent=1))


def up(group: Group) -> GroupStatus:
    """Start a group and wait until all its parts are ready; when it runs, wait for that only.

    Raises:
        GroupNotStartedError: a part ended or was not ready in time; the message has the end of its log.
        LakehouseError: what the parts need is missing.
    """
    group.folder.mkdir(parents=True, exist_ok=True)
    with held_lock(group.folder / "start.lock", wait_seconds=-1):
        state = read_state(group)
        if state is None or not state.supervisor.is_alive:
            _end_leftovers(state)
            parts = group.parts()
            environment = environment_with(**own_settings())
            command = [sys.executable, "-m", "lakehouse.services.supervisor", group.module]
            started = start_detached(command, environment, group.log("supervisor"))
            supervisor, patience = ProcessId.of(started.pid), sum(part.start_seconds for part in parts)
        else:
            supervisor, patience = state.supervisor, Part("", (), "", lambda: True).start_seconds
        _await_running(group, supervisor, patience)
    return status(group)


def down(group: Group) -> GroupStatus:
    """End exactly what `up` started, for certain; when nothing runs, nothing happens."""
    state = read_state(group)
    if state is None:
        return status(group)
    end_trees([state.supervisor], _STOP_SECONDS)
    state = read_state(group) or state
    _end_leftovers(state)
    if state.phase != "stopped":
        write_state(group, dataclasses.replace(state, phase="stopped", parts={}, ready=()))
    return status(group)


def status(group: Group) -> GroupStatus:
    """A group as it is now; a record left by a crash is recognised by its supervisor being gone."""
    state = read_state(group)
    if state is None:
        return GroupStatus(group.name, "stopped", (), 0, "")
    is_supervised = state.supervisor.is_alive
    parts = tuple(_part_status(name, process, state) for name, process in state.parts.items())
    phase = state.phase if is_supervised or state.phase == "failed" else "stopped"
    detail = state.detail
    if not is_supervised and any(part.state != "stopped" for part in parts):
        detail = "its supervisor is gone; the next start ends what it left"
    return GroupStatus(group.name, phase, parts, state.restarts, detail)


def _part_status(name: str, process: ProcessId, state: GroupState) -> PartStatus:
    if not process.is_alive:
        return PartStatus(name, "stopped", 0, 0.0)
    is_ready = "running" if name in state.ready else "starting"
    return PartStatus(name, is_ready, process.pid, round(_tree_gb(process.pid), 2))  # type: ignore[arg-type]


def _tree_gb(pid: int) -> float:
    """Memory of a process with what it has started: Python starts Spark's JVM."""
    try:
        return sum(map(resident_gb, (pid, *(child.pid for child in psutil.Process(pid).children(recursive=True)))))
    except psutil.NoSuchProcess:
        return 0.0


def _await_running(group: Group, supervisor: ProcessId, patience_seconds: float) -> None:
    def is_running() -> bool:
        state = read_state(group)
        is_its_own = state is not None and state.supervisor == supervisor
        if not supervisor.is_alive:
            detail = state.detail if state is not None and is_its_own else ""
            raise GroupNotStartedError(group, detail or last_lines(group.log("supervisor")) or "its supervisor ended")
        return state is not None and is_its_own and state.phase == "running"

    if not wait_for(is_running, patience_seconds + _STOP_SECONDS):
        raise GroupNotStartedError(group, f"not ready after {patience_seconds:.0f} s")


def _end_leftovers(state: GroupState | None) -> None:
    """End the parts of a supervisor that was killed."""
    if state is not None:
        end_trees(state.parts.values(), _LEFTOVER_SECONDS)
