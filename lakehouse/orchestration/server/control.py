"""`lakehouse up`, `down` and the platform's status: Airflow on loopback, started, waited for, and ended without
leftovers."""

from __future__ import annotations

import dataclasses
import json
import logging
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Literal

import psutil

from lakehouse.config.settings import settings
from lakehouse.engine import control as engine
from lakehouse.errors import TerminalError
from lakehouse.orchestration.airflow_config import HOST, LOGIN, airflow_home, base_url, child_environment, password
from lakehouse.orchestration.server.state import PARTS, PlatformState, part_log, read_state, write_state
from lakehouse.utils.file_lock import held_lock
from lakehouse.utils.ports import holder, is_free

log = logging.getLogger(__name__)
_START_SECONDS = 180.0
_STOP_SECONDS = 45.0
_WATCHED = ("metadatabase", "scheduler", "dag_processor", "triggerer")


class PlatformNotStartedError(TerminalError):
    """The platform did not come up."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"the platform did not start: {problem}", f"The logs of its parts are in {settings().logs / 'airflow'}."
        )


@dataclass(frozen=True)
class PlatformStatus:
    """What `lakehouse up` prints. `password` is generated once per home; there is no default one."""

    state: Literal["running", "starting", "stopped", "failed"]
    address: str
    login: str
    password: str
    parts: dict[str, int]
    restarts: int = 0
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """The status as plain values, for `lakehouse up --json`."""
        return dataclasses.asdict(self)


def status() -> PlatformStatus:
    """The platform as it is now; a record left by a crash is recognised by its supervisor being gone."""
    state = read_state()
    if state is None or not state.supervisor.is_alive:
        is_failed = state is not None and state.phase == "failed"
        return PlatformStatus(
            "failed" if is_failed else "stopped",
            base_url(),
            LOGIN,
            "",
            {},
            detail=state.detail if state and is_failed else "",
        )
    alive = {name: process.pid for name, process in state.parts.items() if process.is_alive}
    is_running = state.phase == "running" and alive.keys() == PARTS.keys()
    return PlatformStatus(
        "running" if is_running else "starting",
        f"http://{HOST}:{state.port}",
        LOGIN,
        password(),
        alive,
        state.restarts,
        state.detail,
    )


def up() -> PlatformStatus:
    """Start the engine and the platform and wait until scheduler, DAG processor and pages answer; when it runs already,
    return at once.

    An engine of another kind that was left running is replaced, but not under a running platform: that is a
    ConfigurationError. Raises TerminalError when the port is taken (naming the setting) or a `lakehouse run` is at work
    in this home, what starting an engine raises, and PlatformNotStartedError with the last words of the part that
    failed.
    """
    state = read_state()
    if state is not None and state.supervisor.is_alive:
        engine.start()
        _await_healthy(state.supervisor.pid)
        return status()
    with held_lock(airflow_home() / "run.lock", wait_seconds=0) as is_free:
        if not is_free:
            raise TerminalError(
                "a `lakehouse run` is at work in this home", "Wait for it: platform and run share Airflow's database."
            )
        _end_leftovers(state)
        _check_port()
        engine.start(replace=True)
    child_environment()  # creates secrets and password before several processes ask for them
    output = part_log("supervisor")
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("ab") as file:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "lakehouse.orchestration.server.supervisor"],
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    _await_healthy(supervisor.pid, supervisor)
    return status()


def down() -> PlatformStatus:
    """End exactly what `up` started, for certain; without a platform nothing happens."""
    state = read_state()
    if state is not None and state.supervisor.is_alive:
        supervisor = psutil.Process(state.supervisor.pid)
        supervisor.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs([supervisor], timeout=_STOP_SECONDS)
        for process in alive:
            process.kill()
    state = read_state()
    _end_leftovers(state)
    if state is not None and state.phase != "stopped":
        write_state(dataclasses.replace(state, phase="stopped", parts={}, detail="stopped on request"))
    return status()


def health() -> dict[str, str]:
    """Airflow's own word on its parts, e.g. {"scheduler": "healthy"}; empty when nobody answers."""
    try:
        with urllib.request.urlopen(f"{base_url()}/api/v2/monitor/health", timeout=5) as answer:  # noqa: S310 - our own loopback address
            found = json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return {}
    return {part: str(said.get("status")) for part, said in found.items()}


def _await_healthy(pid: int, supervisor: subprocess.Popen[bytes] | None = None) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if (supervisor.poll() is not None) if supervisor else not psutil.pid_exists(pid):
            raise PlatformNotStartedError(_last_words())
        found = health()
        if all(found.get(part) == "healthy" for part in _WATCHED):
            return
        time.sleep(0.5)
    raise PlatformNotStartedError(f"not healthy after {_START_SECONDS:.0f} s: {health() or 'no answer'}")


def _last_words() -> str:
    state = read_state()
    detail = state.detail if state is not None else ""
    path = part_log("supervisor")
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:] if path.exists() else []
    return detail or " | ".join(lines) or "its supervisor ended"


def _end_leftovers(state: PlatformState | None) -> None:
    """End parts whose supervisor was killed, with everything they started."""
    for process in [] if state is None else [part for part in state.parts.values() if part.is_alive]:
        root = psutil.Process(process.pid)
        tree = [root, *root.children(recursive=True)]
        root.terminate()
        _, alive = psutil.wait_procs(tree, timeout=10)
        for survivor in alive:
            survivor.kill()


def _check_port() -> None:
    port = settings().airflow_port
    if not is_free(HOST, port):
        raise TerminalError(
            f"port {port} on {HOST} is in use by {holder(port)}",
            "Choose another with LAKEHOUSE_AIRFLOW_PORT, or stop that program.",
        )
