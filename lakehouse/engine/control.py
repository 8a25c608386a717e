"""Start, stop and look at the engine. Nothing here imports pyspark: the command line stays quick."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from lakehouse.config.settings import Settings, check_lake, environment_with, settings
from lakehouse.engine.engines import launch_of
from lakehouse.engine.java import java_binary
from lakehouse.engine.launch import memory_limit_gb
from lakehouse.engine.state import EngineState, engine_dir, is_same_process, read_state, resident_gb, write_state
from lakehouse.errors import ConfigurationError, EngineUnavailableError
from lakehouse.utils.file_lock import held_lock
from lakehouse.utils.ports import holder, is_free

_log = logging.getLogger(__name__)
# A busy machine may need minutes for a JVM; the bar on a calm one is 3 s (sail) and 15 s (spark).
_START_SECONDS = 300.0
# The kernel closes the ports of a killed process when its last thread has gone, a moment after the process looks dead.
_PORT_SECONDS = 2.0
_LOG_BYTES = 20_000_000


@dataclass(frozen=True)
class EngineStatus:
    """What `lakehouse engine status` shows. Memory in GiB, `started_at` ISO UTC or empty."""

    state: Literal["running", "stopped", "unhealthy"]
    kind: str
    pid: int
    host: str
    port: int
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
            "stopped",
            chosen.engine,
            0,
            chosen.engine_host,
            chosen.engine_port,
            memory_limit_gb(chosen),
            0.0,
            "",
            0,
            detail,
        )
    is_running = state.is_usable and state.is_supervised
    detail = state.detail or ("" if state.is_supervised else "its supervisor is gone")
    used = round(resident_gb(state.pid), 2) if state.is_engine_alive else 0.0
    shown: Literal["running", "unhealthy"] = "running" if is_running else "unhealthy"
    detail = detail or ("" if is_running else state.phase)
    return EngineStatus(
        shown,
        state.kind,
        state.pid,
        state.host,
        state.port,
        state.memory_limit_gb,
        used,
        state.started_at,
        state.restarts,
        detail,
    )


def start(replace: bool = False) -> EngineStatus:
    """Start the engine under its supervisor and wait for its first answer; when it runs already, return at once.

    With `replace`, an engine that the settings do not mean (another kind, port or lake) is stopped first, with its
    queries. Raises ConfigurationError (port taken, other kind running, host not loopback) and EngineUnavailableError
    (it did not come up).
    """
    chosen = settings()
    current = read_state(chosen.home)
    if replace and current is not None and current.is_supervised and not _is_meant(current, chosen):
        check()  # what runs is not given up for something that cannot start
        stop()
    if ready_state(chosen) is not None:
        return status()
    _check_loopback(chosen)
    with held_lock(engine_dir(chosen.home) / "start.lock", wait_seconds=_START_SECONDS) as is_mine:
        if not is_mine:
            raise EngineUnavailableError(f"another start in {chosen.home} has been at work for {_START_SECONDS:.0f} s")
        state = read_state(chosen.home)
        if state is None or not state.is_supervised:
            _end_orphan(state)
            check()
            launch_of(chosen)  # what it lacks (jars) is said here, to the caller, rather than in a log
            _await(chosen, _spawn(chosen))
        else:
            await_ready(chosen, _START_SECONDS)
    return status()


def check() -> None:
    """Pass when the engine runs or could be started now; takes a blink and starts nothing.

    Raises ConfigurationError naming the setting: a host that is not loopback, a port in use, no Java for spark, a lake
    with a space or the like in its path.
    """
    chosen = settings()
    check_lake(chosen)
    _check_loopback(chosen)
    state = read_state(chosen.home)
    is_supervised = state is not None and state.is_supervised
    ours = {state.port, state.thrift_port} if state is not None and (is_supervised or state.is_engine_alive) else set()
    wanted = {"LAKEHOUSE_ENGINE_PORT": chosen.engine_port}
    if chosen.engine == "spark":
        wanted["LAKEHOUSE_THRIFT_PORT"] = chosen.thrift_port
        java_binary(chosen)
    for variable, port in wanted.items():
        if port not in ours:
            _check_port(chosen.engine_host, port, variable)


def stop() -> EngineStatus:
    """End the supervisor and the engine, for certain; without an engine nothing happens."""
    chosen = settings()
    with held_lock(engine_dir(chosen.home) / "start.lock", wait_seconds=_START_SECONDS):
        state = read_state(chosen.home)
        if state is None:
            return status()
        # A supervisor inside this very process is stopped by whoever runs it there.
        if state.is_supervised and state.supervisor_pid != os.getpid():
            supervisor = psutil.Process(state.supervisor_pid)
            supervisor.send_signal(signal.SIGTERM)
            _, alive = psutil.wait_procs([supervisor], timeout=15)
            for process in alive:
                process.kill()
        _end_orphan(read_state(chosen.home))
        state = read_state(chosen.home)
        if state is not None and state.phase not in ("stopped", "failed"):
            write_state(chosen.home, dataclasses.replace(state, phase="stopped", detail="stopped on request"))
    return status()


def ready_state(chosen: Settings) -> EngineState | None:
    """The record of an engine that takes queries now, or None. Raises ConfigurationError when it is another engine than
    asked for."""
    state = read_state(chosen.home)
    if state is None or not state.is_supervised:
        return None
    if not _is_meant(state, chosen):
        raise ConfigurationError(
            "LAKEHOUSE_ENGINE",
            None,
            f"the engine running for {chosen.home} is {state.kind} on port {state.port} over {state.lake}, "
            f"but the settings ask for {chosen.engine} on port {chosen.engine_port} over {chosen.lake}",
            "one engine per home: run `lakehouse down` first, which ends it, or use another LAKEHOUSE_HOME",
        )
    return state if state.is_usable else None


def _is_meant(state: EngineState, chosen: Settings) -> bool:
    return (state.kind, state.port, state.lake) == (chosen.engine, chosen.engine_port, chosen.lake)


def await_ready(chosen: Settings, seconds: float) -> EngineState:
    """Wait for a supervised engine (starting, restarting) to take queries; EngineUnavailableError when it does not."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ready = ready_state(chosen)
        if ready is not None:
            return ready
        state = read_state(chosen.home)
        if state is None or not state.is_supervised:
            raise EngineUnavailableError(_what_failed(chosen, state))
        time.sleep(0.05)
    raise EngineUnavailableError(f"no answer within {seconds:.0f} s; see {log_path(chosen.home)}")


def log_path(home: Path) -> Path:
    """Log of the engine and its supervisor."""
    return home.absolute() / "logs" / "engine.log"


def _spawn(chosen: Settings) -> subprocess.Popen[bytes]:
    log = log_path(chosen.home)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    pinned = chosen.model_dump(mode="json") | {"home": str(chosen.home.absolute()), "conf": str(chosen.conf.absolute())}
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "lakehouse.engine.supervisor", json.dumps(pinned)],
            env=environment_with(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _await(chosen: Settings, supervisor: subprocess.Popen[bytes]) -> None:
    """Wait until the supervisor we just started reports an engine that answers, or ends."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        code = supervisor.poll()
        state = read_state(chosen.home)
        is_ours = state is not None and state.supervisor_pid == supervisor.pid
        if is_ours and state is not None and state.is_usable:
            return
        if code is not None:
            raise EngineUnavailableError(_what_failed(chosen, state if is_ours else None))
        time.sleep(0.02)
    supervisor.terminate()
    raise EngineUnavailableError(f"no answer within {_START_SECONDS:.0f} s; see {log_path(chosen.home)}")


def _what_failed(chosen: Settings, state: EngineState | None) -> str:
    reason = state.detail if state is not None and state.detail else "it is not running"
    log = log_path(chosen.home)
    last = log.read_text(errors="replace").splitlines()[-3:] if log.exists() else []
    return (
        f"{chosen.engine}: {reason} (last words in {log}: {' | '.join(last)})" if last else f"{chosen.engine}: {reason}"
    )


def _end_orphan(state: EngineState | None) -> None:
    """Kill an engine whose supervisor is gone (possible where the kernel does not do it for us)."""
    if state is not None and is_same_process(state.pid, state.born):
        _log.warning("ending engine pid %d, whose supervisor is gone", state.pid)
        process = psutil.Process(state.pid)
        process.kill()
        psutil.wait_procs([process], timeout=10)


def _check_loopback(chosen: Settings) -> None:
    host = chosen.engine_host
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ConfigurationError(
            "LAKEHOUSE_ENGINE_HOST", None, f"{host} is not loopback, and the engine has no authentication", "127.0.0.1"
        )


def _check_port(host: str, port: int, variable: str) -> None:
    until = time.monotonic() + _PORT_SECONDS
    while not is_free(host, port):
        if time.monotonic() > until:
            raise ConfigurationError(
                variable,
                None,
                f"port {port} is in use by {holder(port)}",
                f"a free port: set {variable}, or stop that program",
            )
        time.sleep(0.05)
