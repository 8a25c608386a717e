"""Start, stop and check the engine. Nothing here imports pyspark: the command line stays quick."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lakehouse.config.settings import Settings, check_lake, settings
from lakehouse.engine.engines import launch_of
from lakehouse.engine.environment import engine_environment
from lakehouse.engine.java import java_binary
from lakehouse.engine.launch import listening_port, memory_limit_gb
from lakehouse.engine.state import EngineState, engine_dir, read_state, write_state
from lakehouse.errors import ConfigurationError, EngineUnavailableError
from lakehouse.utils.file_lock import held_lock
from lakehouse.utils.ports import RELEASE_SECONDS, is_loopback, occupant
from lakehouse.utils.processes import end_trees, last_lines, resident_gb, start_detached, wait_for

_log = logging.getLogger(__name__)
# A busy machine may need minutes for a JVM; an idle one needs 3 s (sail) or 15 s (spark).
_START_SECONDS = 300.0
_STOP_SECONDS = 15.0


@dataclass(frozen=True)
class EngineStatus:
    """What `lakehouse engine status` shows. Memory in GiB, `started_at` ISO UTC or empty; `is_private`: its owner's."""

    state: Literal["running", "stopped", "unhealthy"]
    kind: str
    pid: int
    address: str
    is_private: bool
    memory_limit_gb: float
    memory_used_gb: float
    started_at: str
    restarts: int
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """The status as plain values, for `lakehouse engine status --json`."""
        return dataclasses.asdict(self)


def status() -> EngineStatus:
    """The engine as it is now; a record left by a crash is recognised by its processes being gone."""
    chosen = settings()
    state = read_state(chosen.home)
    if state is None or not (state.is_supervised or state.is_engine_alive):
        detail = state.detail if state is not None and state.phase in ("failed", "stopped") else ""
        return EngineStatus(
            state="stopped",
            kind=chosen.engine,
            pid=0,
            address="",
            is_private=True,
            memory_limit_gb=memory_limit_gb(chosen),
            memory_used_gb=0.0,
            started_at="",
            restarts=0,
            detail=detail,
        )
    is_running = state.is_usable and state.is_supervised
    detail = state.detail or ("" if state.is_supervised else "its supervisor is gone")
    return EngineStatus(
        state="running" if is_running else "unhealthy",
        kind=state.kind,
        pid=state.pid,
        address=state.address,
        is_private=state.is_private,
        memory_limit_gb=state.memory_limit_gb,
        memory_used_gb=round(resident_gb(state.pid), 2) if state.is_engine_alive else 0.0,
        started_at=state.started_at,
        restarts=state.restarts,
        detail=detail or ("" if is_running else state.phase),
    )


def start(replace: bool = False) -> EngineStatus:
    """Start the engine under its supervisor and wait for its first answer; when it runs already, return at once.

    Args:
        replace: first stop a running engine, and its queries, when its kind, port or lake is not that of the settings.

    Raises:
        ConfigurationError: the port is in use, another kind runs, or the host is not loopback.
        EngineUnavailableError: it did not start.
    """
    chosen = settings()
    current = read_state(chosen.home)
    if replace and current is not None and current.is_supervised and not _is_as_set(current, chosen):
        check()  # a running engine is not stopped for one that cannot start
        stop()
    if ready_state(chosen) is not None:
        return status()
    _check_loopback(chosen)
    with held_lock(engine_dir(chosen.home) / "start.lock", wait_seconds=_START_SECONDS) as is_mine:
        if not is_mine:
            raise EngineUnavailableError(f"another start in {chosen.home} has been running for {_START_SECONDS:.0f} s")
        state = read_state(chosen.home)
        if state is None or not state.is_supervised:
            _end_orphan(state)
            check()
            launch_of(chosen)  # raises here what is missing (jars), instead of in the log of the supervisor
            _start_supervisor(chosen)
        else:
            await_ready(chosen, _START_SECONDS)
    return status()


def check() -> None:
    """Return when the engine runs or could be started now; starts nothing.

    Raises:
        ConfigurationError: names the setting: a host that is not loopback, a port in use, no Java for spark, a lake
            with a space or the like in its path.
    """
    chosen = settings()
    check_lake(chosen)
    _check_loopback(chosen)
    state = read_state(chosen.home)
    is_supervised = state is not None and state.is_supervised
    own = state.port if state is not None and (is_supervised or state.is_engine_alive) else 0
    if chosen.engine == "spark":
        java_binary(chosen)
    if listening_port(chosen) not in (0, own):
        _check_port(chosen)


def stop() -> EngineStatus:
    """End the supervisor and the engine, for certain; without an engine nothing happens."""
    chosen = settings()
    with held_lock(engine_dir(chosen.home) / "start.lock", wait_seconds=_START_SECONDS):
        state = read_state(chosen.home)
        if state is None:
            return status()
        # A supervisor inside this very process is stopped by whoever runs it there.
        if state.supervisor_pid != os.getpid():
            end_trees([state.supervisor], _STOP_SECONDS)
        _end_orphan(read_state(chosen.home))
        state = read_state(chosen.home)
        if state is not None and state.phase not in ("stopped", "failed"):
            write_state(chosen.home, dataclasses.replace(state, phase="stopped", detail="stopped on request"))
    return status()


def ready_state(chosen: Settings) -> EngineState | None:
    """The record of an engine that takes queries now, or None.

    Raises:
        ConfigurationError: the running engine has another kind, port or lake than the settings.
    """
    state = read_state(chosen.home)
    if state is None or not state.is_supervised:
        return None
    if not _is_as_set(state, chosen):
        raise ConfigurationError(
            "LAKEHOUSE_ENGINE",
            None,
            f"the engine running for {chosen.home} is {state.kind}{_on(state.port)} over {state.lake}, "
            f"but the settings ask for {chosen.engine}{_on(listening_port(chosen))} over {chosen.lake}",
            "one engine per home: run `lakehouse down` first, which ends it, or use another LAKEHOUSE_HOME",
        )
    return state if state.is_usable else None


def _is_as_set(state: EngineState, chosen: Settings) -> bool:
    return (state.kind, state.port, state.lake) == (chosen.engine, listening_port(chosen), chosen.lake)


def _on(port: int) -> str:
    return f" on port {port}" if port else ""


def await_ready(chosen: Settings, seconds: float) -> EngineState:
    """Wait for a supervised engine (starting, restarting) to take queries; EngineUnavailableError when it does not."""

    def ready() -> EngineState | None:
        found = ready_state(chosen)
        state = read_state(chosen.home)
        if found is None and (state is None or not state.is_supervised):
            raise EngineUnavailableError(_why_not_running(chosen, state))
        return found

    found = wait_for(ready, seconds)
    if found is None:
        raise _no_answer(chosen, seconds)
    return found


def log_path(home: Path) -> Path:
    """The log of the supervisor and the engine."""
    return home.absolute() / "logs" / "engine.log"


def _start_supervisor(chosen: Settings) -> None:
    """Start a supervisor and wait until it reports an engine that answers, or ends."""
    pinned = chosen.model_dump(mode="json") | {"home": str(chosen.home.absolute()), "conf": str(chosen.conf.absolute())}
    command = [sys.executable, "-m", "lakehouse.engine.supervisor", json.dumps(pinned)]
    supervisor = start_detached(command, engine_environment(chosen), log_path(chosen.home))

    def is_usable() -> bool:
        code = supervisor.poll()
        state = read_state(chosen.home)
        if state is None or state.supervisor_pid != supervisor.pid:
            state = None  # the record of an earlier one
        is_up = state is not None and state.is_usable
        if code is not None and not is_up:
            raise EngineUnavailableError(_why_not_running(chosen, state))
        return is_up

    if not wait_for(is_usable, _START_SECONDS, pause_seconds=0.02):
        supervisor.terminate()
        raise _no_answer(chosen, _START_SECONDS)


def _no_answer(chosen: Settings, seconds: float) -> EngineUnavailableError:
    return EngineUnavailableError(f"no answer within {seconds:.0f} s; see {log_path(chosen.home)}")


def _why_not_running(chosen: Settings, state: EngineState | None) -> str:
    reason = state.detail if state is not None and state.detail else "it is not running"
    log = log_path(chosen.home)
    last = last_lines(log)
    return f"{chosen.engine}: {reason}" + (f" (last lines of {log}: {last})" if last else "")


def _end_orphan(state: EngineState | None) -> None:
    """Kill an engine whose supervisor is gone (possible where the kernel does not do it)."""
    if state is not None and state.is_engine_alive:
        _log.warning("ending engine pid %d, whose supervisor is gone", state.pid)
        end_trees([state.engine], patience_seconds=0)


def _check_loopback(chosen: Settings) -> None:
    host = chosen.engine_host
    if not is_loopback(host):
        raise ConfigurationError(
            "LAKEHOUSE_ENGINE_HOST", None, f"{host} is not loopback, and the engine encrypts nothing", "127.0.0.1"
        )


def _check_port(chosen: Settings) -> None:
    if program := occupant(chosen.engine_host, chosen.engine_port, RELEASE_SECONDS):
        problem = f"port {chosen.engine_port} is in use by {program}"
        remedy = "a free port: set LAKEHOUSE_ENGINE_PORT, or stop that program"
        raise ConfigurationError("LAKEHOUSE_ENGINE_PORT", None, problem, remedy)
