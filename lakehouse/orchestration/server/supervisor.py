"""The platform's supervisor: keeps the API server, the scheduler and the DAG processor running, and ends all of them
with itself.

Started by `lakehouse.orchestration.server.control.up` as `python -m lakehouse.orchestration.server.supervisor`.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from types import FrameType

import psutil

from lakehouse.config.settings import settings
from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import airflow_home, child_environment
from lakehouse.orchestration.server.state import PARTS, PlatformState, Process, part_log, write_state
from lakehouse.utils.file_lock import held_lock

log = logging.getLogger(__name__)
_LOG_BYTES = 50_000_000
_PATIENCE_SECONDS = 20.0
_PREPARE_SECONDS = 300.0
# A part that dies this often within the time is broken, not unlucky.
_DEATHS, _WITHIN_SECONDS = 3, 300.0


class Supervisor:
    """Runs the parts until it is asked to stop or one of them cannot be kept alive."""

    def __init__(self) -> None:
        self._is_stopping = False
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._deaths: dict[str, list[float]] = {part: [] for part in PARTS}
        self._state = PlatformState("starting", _this_process(), settings().airflow_port)

    def stop(self, signal_number: int, frame: FrameType | None) -> None:
        """Ask `run` to end all parts and return (signal handler)."""
        self._is_stopping = True

    def run(self) -> bool:
        """Returns False when a part died again and again; the record then says which."""
        self._record()
        try:
            prepared = _child([sys.executable, "-m", "lakehouse.orchestration.metadata_db"], "database").wait(
                _PREPARE_SECONDS
            )
            if prepared != 0:
                self._record(detail=f"Airflow's database cannot be prepared; see {part_log('database')}")
                return False
            metadata_db.end_abandoned_runs()
            for part in PARTS:
                self._start(part)
            self._record(phase="running")
            while not self._is_stopping and all(self._is_kept_alive(part) for part in PARTS):
                time.sleep(0.5)
        finally:
            self._end_all()
            self._record(phase="stopped" if self._is_stopping else "failed", parts={})
        return self._is_stopping

    def _start(self, part: str) -> None:
        started = _child(PARTS[part], part)
        self._running[part] = started
        self._record(parts=self._state.parts | {part: Process(started.pid, psutil.Process(started.pid).create_time())})

    def _is_kept_alive(self, part: str) -> bool:
        code = self._running[part].poll()
        if code is None:
            return True
        now = time.monotonic()
        self._deaths[part] = [*(at for at in self._deaths[part] if now - at < _WITHIN_SECONDS), now]
        log.error("%s ended with code %s", part, code)
        if len(self._deaths[part]) >= _DEATHS:
            self._record(
                detail=f"{part} ended {_DEATHS} times within {_WITHIN_SECONDS:.0f} s (code {code}); see {part_log(part)}"
            )
            return False
        self._start(part)
        self._record(restarts=self._state.restarts + 1, detail=f"{part} was restarted after it ended with code {code}")
        return True

    def _end_all(self) -> None:
        """Ask every part to end, then make sure of it and of everything they started."""
        trees = [tree for process in self._running.values() for tree in _tree(process.pid)]
        for process in self._running.values():
            if process.poll() is None:
                process.terminate()
        _, alive = psutil.wait_procs(trees, timeout=_PATIENCE_SECONDS)
        for survivor in alive:
            log.warning(
                "%s (pid %d) did not end within %.0f s and is killed", survivor, survivor.pid, _PATIENCE_SECONDS
            )
            survivor.kill()
        psutil.wait_procs(alive, timeout=5)

    def _record(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]
        write_state(self._state)


def _child(command: Sequence[str], name: str) -> subprocess.Popen[bytes]:
    """Start a program of ours; it ends with this process, and writes to the log of its name."""
    path = part_log(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    with path.open("ab") as output:
        return subprocess.Popen(
            command,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _this_process() -> Process:
    return Process(os.getpid(), psutil.Process().create_time())


def _end_with_parent() -> None:
    """In the child: be asked by the kernel to end when the supervisor is killed (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def main() -> int:
    """Exit code 0 after stop was asked for, 1 when a part cannot be kept alive, 2 when a supervisor is at work
    already."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with held_lock(airflow_home() / "platform.lock", wait_seconds=0) as is_mine:
        if not is_mine:
            log.error("another supervisor is at work in %s", settings().home)
            return 2
        supervisor = Supervisor()
        signal.signal(signal.SIGTERM, supervisor.stop)
        signal.signal(signal.SIGINT, supervisor.stop)
        return 0 if supervisor.run() else 1


if __name__ == "__main__":
    sys.exit(main())
