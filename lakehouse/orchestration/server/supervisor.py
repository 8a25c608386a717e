"""The supervisor of Airflow's servers: keeps them running, and ends all of them when it ends.

Started by `lakehouse.orchestration.server.control.up` as `python -m lakehouse.orchestration.server.supervisor`.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from lakehouse.config.settings import environment_secrets, settings
from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import airflow_home, child_environment
from lakehouse.orchestration.server.state import PARTS, ServerState, part_log, write_state
from lakehouse.utils.log_records import clean_log_records
from lakehouse.utils.processes import ProcessId, end_trees, run_supervisor, start_detached

log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 20.0
_PREPARE_SECONDS = 300.0
# A part that ends this often within that time is not started again.
_DEATHS, _WITHIN_SECONDS = 3, 300.0


class ServerSupervisor:
    """Runs the parts until it is asked to stop or one of them cannot be kept alive."""

    def __init__(self) -> None:
        self._is_stopping = False
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._deaths: dict[str, list[float]] = {part: [] for part in PARTS}
        self._state = ServerState("starting", ProcessId.current(), settings().airflow_port)

    def stop(self, *_: object) -> None:
        """Ask `run` to return; usable as a signal handler."""
        self._is_stopping = True

    def run(self) -> bool:
        """True after a stop that was asked for; False when a part kept dying, which the record then names."""
        self._record()
        try:
            if not _prepare_database():
                self._record(detail=f"Airflow's database cannot be prepared; see {part_log('database')}")
                return False
            for part in PARTS:
                self._start(part)
            self._record(phase="running")
            while not self._is_stopping and all(self._is_kept_alive(part) for part in PARTS):
                time.sleep(0.5)
        finally:
            end_trees(self._state.parts.values(), _PATIENCE_SECONDS)  # of a dead part what it left behind
            self._record(phase="stopped" if self._is_stopping else "failed", parts={})
        return self._is_stopping

    def _start(self, part: str) -> None:
        started = _child(PARTS[part], part)
        self._running[part] = started
        self._record(parts=self._state.parts | {part: ProcessId.of(started.pid)})

    def _is_kept_alive(self, part: str) -> bool:
        code = self._running[part].poll()
        if code is None:
            return True
        now = time.monotonic()
        self._deaths[part] = [*(at for at in self._deaths[part] if now - at < _WITHIN_SECONDS), now]
        log.error("%s ended with code %s", part, code)
        end_trees([self._state.parts[part]], patience_seconds=0)  # its children would live on beside those of the next
        if len(self._deaths[part]) >= _DEATHS:
            how_often = f"{_DEATHS} times within {_WITHIN_SECONDS:.0f} s"
            self._record(detail=f"{part} ended {how_often} (code {code}); see {part_log(part)}")
            return False
        self._start(part)
        self._record(restarts=self._state.restarts + 1, detail=f"{part} was restarted after it ended with code {code}")
        return True

    def _record(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]
        write_state(self._state)


def _prepare_database() -> bool:
    preparing = _child([sys.executable, "-m", "lakehouse.orchestration.metadata_db"], "database")
    if preparing.wait(_PREPARE_SECONDS) != 0:
        return False
    metadata_db.end_abandoned_runs()
    return True


def _child(command: Sequence[str], name: str) -> subprocess.Popen[bytes]:
    """Start a program that ends with this process and writes to the log of its name."""
    return start_detached(command, child_environment(), part_log(name), signal_at_parent_death=signal.SIGTERM)


def main() -> int:
    """The exit code of `run_supervisor`."""
    clean_log_records(environment_secrets())
    return run_supervisor(ServerSupervisor(), airflow_home() / "servers.lock")


if __name__ == "__main__":
    sys.exit(main())
