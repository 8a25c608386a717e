"""`lakehouse up`, `down` and the status of Airflow's servers, which listen on loopback only."""

from __future__ import annotations

import dataclasses
import json
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Literal

from lakehouse.config.settings import settings
from lakehouse.engine import control as engine
from lakehouse.errors import TerminalError
from lakehouse.orchestration.airflow_config import HOST, LOGIN, airflow_home, base_url, child_environment, password
from lakehouse.orchestration.metadata_db import paused_dags
from lakehouse.orchestration.server.state import PARTS, ServerState, part_log, read_state, write_state
from lakehouse.utils.file_lock import held_lock
from lakehouse.utils.ports import RELEASE_SECONDS, occupant
from lakehouse.utils.processes import ProcessId, end_trees, last_lines, start_detached, wait_for

_START_SECONDS = 180.0
_STOP_SECONDS = 45.0
_LEFTOVER_SECONDS = 10.0
_WATCHED = ("metadatabase", "scheduler", "dag_processor", "triggerer")


class ServerNotStartedError(TerminalError):
    """Airflow's servers did not start."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"Airflow did not start: {problem}", f"The logs of its parts are in {settings().logs / 'airflow'}."
        )


@dataclass(frozen=True)
class ServerStatus:
    """What `lakehouse up` prints. `password` is generated once per home; there is no default one. `paused`: the DAGs
    that are switched off."""

    state: Literal["running", "starting", "stopped", "failed"]
    address: str
    login: str
    password: str
    parts: dict[str, int]
    restarts: int = 0
    detail: str = ""
    paused: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The status as plain values, for `lakehouse up --json`."""
        return dataclasses.asdict(self)


def status() -> ServerStatus:
    """Airflow as it is now; a record left by a crash is recognised by its supervisor being gone."""
    state = read_state()
    if state is None or not state.supervisor.is_alive:
        is_failed = state is not None and state.phase == "failed"
        return ServerStatus(
            state="failed" if is_failed else "stopped",
            address=base_url(),
            login=LOGIN,
            password="",
            parts={},
            detail=state.detail if state and is_failed else "",
        )
    alive = {name: process.pid for name, process in state.parts.items() if process.is_alive}
    is_running = state.phase == "running" and alive.keys() == PARTS.keys()
    return ServerStatus(
        state="running" if is_running else "starting",
        address=f"http://{HOST}:{state.port}",
        login=LOGIN,
        password=password(),
        parts=alive,
        restarts=state.restarts,
        detail=state.detail,
        paused=tuple(paused_dags()) if is_running else (),
    )


def up() -> ServerStatus:
    """Start the engine and Airflow and wait until scheduler, DAG processor and pages answer; when they run already,
    return at once.

    A running engine that the settings do not name is replaced, unless Airflow runs with it.

    Raises:
        TerminalError: the port is in use, or a `lakehouse run` is running in this home.
        ServerNotStartedError: a part failed; the message has the end of its log.
        ConfigurationError: Airflow runs, with another engine than the settings name.
        EngineUnavailableError: the engine did not start.
    """
    state = read_state()
    if state is not None and state.supervisor.is_alive:
        engine.start()
        _await_healthy(state.supervisor)
        return status()
    with held_lock(airflow_home() / "run.lock", wait_seconds=0) as is_mine:
        if not is_mine:
            raise TerminalError(
                "a `lakehouse run` is running in this home", "Wait for it to end: both need Airflow's database."
            )
        _end_leftovers(state)
        _check_port()
        engine.start(replace=True)
    child_environment()  # creates secrets and password before several processes ask for them
    command = [sys.executable, "-m", "lakehouse.orchestration.server.supervisor"]
    supervisor = start_detached(command, child_environment(), part_log("supervisor"))
    _await_healthy(ProcessId.of(supervisor.pid))
    return status()


def down() -> ServerStatus:
    """End exactly what `up` started, for certain; when nothing runs, nothing happens."""
    state = read_state()
    if state is None:
        return status()
    end_trees([state.supervisor], _STOP_SECONDS)
    state = read_state() or state
    _end_leftovers(state)
    if state.phase != "stopped":
        write_state(dataclasses.replace(state, phase="stopped", parts={}, detail="stopped on request"))
    return status()


def health() -> dict[str, str]:
    """What Airflow reports about its parts, e.g. {"scheduler": "healthy"}; empty when it does not answer."""
    try:
        with urllib.request.urlopen(f"{base_url()}/api/v2/monitor/health", timeout=5) as answer:  # noqa: S310 - a loopback address
            found = json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return {}
    return {part: str(report.get("status")) for part, report in found.items()}


def _await_healthy(supervisor: ProcessId) -> None:
    def is_healthy() -> bool:
        if not supervisor.is_alive:
            raise ServerNotStartedError(_why_it_ended())
        found = health()
        return all(found.get(part) == "healthy" for part in _WATCHED)

    if not wait_for(is_healthy, _START_SECONDS, pause_seconds=0.5):
        raise ServerNotStartedError(f"not healthy after {_START_SECONDS:.0f} s: {health() or 'no answer'}")


def _why_it_ended() -> str:
    state = read_state()
    detail = state.detail if state is not None else ""
    return detail or last_lines(part_log("supervisor")) or "its supervisor ended"


def _end_leftovers(state: ServerState | None) -> None:
    """End the parts of a supervisor that was killed, with everything they started."""
    if state is not None:
        end_trees(state.parts.values(), _LEFTOVER_SECONDS)


def _check_port() -> None:
    port = settings().airflow_port
    if program := occupant(HOST, port, RELEASE_SECONDS):
        raise TerminalError(
            f"port {port} on {HOST} is in use by {program}",
            "Choose another with LAKEHOUSE_AIRFLOW_PORT, or stop that program.",
        )
