"""The process that owns the engine: starts it, checks its health, restarts it when it died or hangs.

Run as `python -m lakehouse.engine.supervisor <settings as JSON>` by `control.start`; its output is
<home>/logs/engine.log.
"""

from __future__ import annotations

import logging
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import psutil

from lakehouse.config.settings import Settings, environment_secrets
from lakehouse.engine.engines import launch_of
from lakehouse.engine.environment import engine_environment
from lakehouse.engine.launch import Launch, listening_port, memory_limit_gb
from lakehouse.engine.private_network import is_in_another
from lakehouse.engine.probe import answers
from lakehouse.engine.state import Cause, Death, EngineState, engine_dir, read_state, write_state
from lakehouse.utils.log_records import clean_log_records
from lakehouse.utils.processes import ProcessId, end_trees, resident_gb, run_supervisor, start_detached

_log = logging.getLogger("lakehouse.engine.supervisor")


@dataclass(frozen=True)
class WatchRules:
    """When the supervisor acts. Times in seconds."""

    glance: float = 0.2  # between two checks of whether the process is alive and how much memory it holds
    probe_every: float = 3.0
    probe_deadline: float = 10.0
    hung_when_idle: float = 20.0  # no answer and no processor time used: it will never answer
    hung_when_busy: float = 180.0  # no answer for that long while it computes: other queries wait in vain
    memory_margin: float = 1.25  # killed above limit x margin; below, the engine's own pool refuses queries
    first_pause: float = 0.5
    longest_pause: float = 30.0
    calm: float = 60.0  # an engine that ran for longer is restarted after the first pause again
    starts_without_answer: int = 4  # then it gives up
    kept_deaths: int = 20


class EngineSupervisor:
    """Runs one engine and keeps its record."""

    def __init__(self, settings: Settings, rules: WatchRules) -> None:
        self._settings = settings
        self._rules = rules
        self._stop = threading.Event()
        self._cpu_seconds = 0.0
        me = ProcessId.current()
        self._state = EngineState(
            phase="starting",
            kind=settings.engine,
            port=listening_port(settings),
            lake=settings.lake,
            epoch="",
            session_id="",
            supervisor_pid=me.pid,
            supervisor_born=me.born,
            memory_limit_gb=memory_limit_gb(settings),
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def stop(self, *_: object) -> None:
        """Ask `run` to return; usable as a signal handler."""
        self._stop.set()

    def run(self) -> bool:
        """Supervise until asked to stop; returns True then, False when the engine could not be started."""
        pause, failed_starts = self._rules.first_pause, 0
        while not self._stop.is_set():
            born = time.monotonic()
            process, launch = self._launch()
            try:
                is_up = self._await_first_answer(process, launch)
                failed_starts = 0 if is_up else failed_starts + 1
                cause, detail = self._watch(process) if is_up else ("died", self._why_no_answer(process, launch))
            except BaseException:
                self._end(process, grace_seconds=0)
                raise
            self._end(process, grace_seconds=5 if self._stop.is_set() else 0)
            if self._stop.is_set():
                break
            self._record_death(cause, detail)
            is_hopeless = failed_starts > 0 and self._state.restarts == 0
            if is_hopeless or failed_starts >= self._rules.starts_without_answer:
                self._record(phase="failed", detail=detail)
                return False
            pause = (
                self._rules.first_pause
                if time.monotonic() - born > self._rules.calm
                else min(pause * 2, self._rules.longest_pause)
            )
            self._stop.wait(pause)
            self._record(restarts=self._state.restarts + 1)
        self._record(phase="stopped", detail="stopped on request")
        return True

    def _launch(self) -> tuple[subprocess.Popen[bytes], Launch]:
        spill = engine_dir(self._settings.home) / "spill"
        shutil.rmtree(spill, ignore_errors=True)  # left there by a killed engine
        launch = launch_of(self._settings)
        environment = engine_environment(self._settings) | launch.environment
        process = start_detached(launch.command, environment, signal_at_parent_death=signal.SIGKILL)
        epoch = str(uuid.uuid4())
        # All clients of one epoch share one session: Sail's catalogue of names is part of the session.
        session_id = str(uuid.uuid5(uuid.UUID(epoch), self._settings.lake))
        self._cpu_seconds = 0.0
        self._record(
            phase="starting",
            epoch=epoch,
            session_id=session_id,
            address=launch.address,
            token=launch.token,
            pid=process.pid,
            born=ProcessId.of(process.pid).born,
        )
        _log.info(
            "started %s, pid %d, address %s, memory limit %.1f GB",
            self._state.kind,
            process.pid,
            self._state.address,
            self._state.memory_limit_gb,
        )
        return process, launch

    def _await_first_answer(self, process: subprocess.Popen[bytes], launch: Launch) -> bool:
        began = time.monotonic()
        while not self._stop.is_set() and process.poll() is None and time.monotonic() - began < launch.patience_seconds:
            if self._answers():
                _log.info("%s answered its first query after %.1f s", self._state.kind, time.monotonic() - began)
                is_private = bool(launch.token) or is_in_another(process.pid)
                self._record(phase="running", detail="", is_private=is_private)
                return True
            self._stop.wait(0.05)
        return False

    def _answers(self) -> bool:
        return answers(self._state.address, self._state.credentials, self._rules.probe_deadline)

    def _why_no_answer(self, process: subprocess.Popen[bytes], launch: Launch) -> str:
        if process.poll() is None:
            return f"no answer within {launch.patience_seconds:.0f} s after its start"
        return f"ended with exit code {process.returncode} before its first answer; the reason is in engine.log"

    def _watch(self, process: subprocess.Popen[bytes]) -> tuple[Cause, str]:
        """Check the engine until it must be replaced; returns why."""
        limit_gb = self._state.memory_limit_gb * self._rules.memory_margin
        probe_due, answered = time.monotonic() + self._rules.probe_every, time.monotonic()
        idle_since = answered
        while not self._stop.wait(self._rules.glance):
            if not self._has_its_record():
                _log.warning("%s is gone, or has another engine by now: this one ends", self._settings.home)
                self._stop.set()
                break
            if process.poll() is not None:
                return _reason_of_end(process.returncode, self._state)
            used_gb = resident_gb(process.pid)
            if used_gb > limit_gb:
                limit = f"the limit of {self._state.memory_limit_gb:.1f} GB and its margin"
                return "memory", f"used {used_gb:.1f} GB, more than {limit}"
            now = time.monotonic()
            if now < probe_due:
                continue
            if self._answers():
                answered = idle_since = time.monotonic()
                self._is_idle(process.pid)
                self._record_health(True)
            else:
                self._record_health(False)
                idle_since = idle_since if self._is_idle(process.pid) else time.monotonic()
                if (
                    time.monotonic() - idle_since > self._rules.hung_when_idle
                    or time.monotonic() - answered > self._rules.hung_when_busy
                ):
                    return "hung", f"no answer for {time.monotonic() - answered:.0f} s"
            probe_due = time.monotonic() + self._rules.probe_every
        return "died", "stopped on request"

    def _has_its_record(self) -> bool:
        """Whether the record is there and of this supervisor: an engine ends with its home, and frees the port."""
        found = read_state(self._settings.home)
        return found is not None and found.supervisor == self._state.supervisor

    def _is_idle(self, pid: int) -> bool:
        """Whether the engine used next to no processor time since the last check."""
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            return True
        before, self._cpu_seconds = self._cpu_seconds, times.user + times.system
        return self._cpu_seconds - before < 0.5

    def _end(self, process: subprocess.Popen[bytes], grace_seconds: float) -> None:
        """End the engine; Delta commits are whole or absent, so that a kill loses no data."""
        end_trees([self._state.engine], grace_seconds)
        process.wait()

    def _record_health(self, is_answering: bool) -> None:
        phase = "running" if is_answering else "unhealthy"
        if self._state.phase != phase:
            _log.log(logging.INFO if is_answering else logging.WARNING, "%s is %s", self._state.kind, phase)
            self._record(phase=phase, detail="" if is_answering else "did not answer its health check")

    def _record_death(self, cause: Cause, detail: str) -> None:
        _log.error("%s (pid %d) ended: %s: %s", self._state.kind, self._state.pid, cause, detail)
        deaths = (*self._state.deaths, Death(self._state.epoch, cause, detail))[-self._rules.kept_deaths :]
        self._record(phase="unhealthy", detail=f"restarting after: {detail}", deaths=deaths)

    def _record(self, **changes: object) -> None:
        is_first = not self._state.epoch
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]
        if is_first or self._has_its_record():  # a home that was removed does not come back
            write_state(self._settings.home, self._state)


def _reason_of_end(code: int, state: EngineState) -> tuple[Cause, str]:
    if state.kind == "spark" and code in (3, 52):  # ExitOnOutOfMemoryError; Spark's own exit code for the same
        return "memory", f"the JVM ran out of its heap (limit {state.memory_limit_gb:.1f} GB)"
    how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    return "died", how


def main(arguments: list[str]) -> int:
    """The exit code of `run_supervisor`."""
    clean_log_records(environment_secrets())
    settings = Settings.model_validate_json(arguments[0])
    return run_supervisor(EngineSupervisor(settings, WatchRules()), engine_dir(settings.home) / "supervisor.lock")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
