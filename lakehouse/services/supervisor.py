"""The supervisor of a group: starts its parts in order, keeps them running, and ends all of them when it ends.

Started by `lakehouse.services.group.up` as `python -m lakehouse.services.supervisor <module of the group>`.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

from lakehouse.config.settings import environment_secrets
from lakehouse.errors import LakehouseError
from lakehouse.services.group import Group, GroupState, Part, group_of, write_state
from lakehouse.utils.log_records import clean_log_records
from lakehouse.utils.processes import ProcessId, end_trees, last_lines, run_supervisor, start_detached

log = logging.getLogger(__name__)
_PAUSE_SECONDS = 0.1
# A part that ends this often within that time is not started again.
_DEATHS, _WITHIN_SECONDS = 3, 300.0


class GroupSupervisor:
    """Runs the parts of a group until it is asked to stop or one of them cannot be kept alive."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._is_stopping = False
        self._parts: dict[str, Part] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._deaths: dict[str, list[float]] = {}
        self._state = GroupState("starting", ProcessId.current())

    def stop(self, *_: object) -> None:
        """Ask `run` to return; usable as a signal handler."""
        self._is_stopping = True

    def run(self) -> bool:
        """True after a stop that was asked for; False when a part kept dying, which the record then names."""
        self._record()
        try:
            self._parts = {part.name: part for part in self._group.parts()}
            if not all(self._is_started(part) for part in self._parts.values()):
                return self._is_stopping
            self._record(phase="running")
            while not self._is_stopping and all(self._is_kept_alive(part) for part in self._parts.values()):
                time.sleep(_PAUSE_SECONDS)
        except LakehouseError as error:
            log.exception("%s cannot be started", self._group.name)
            self._record(detail=str(error))
        finally:
            for name in reversed(self._state.parts):  # a part needs those that were started before it
                end_trees([self._state.parts[name]], self._parts[name].stop_seconds)
            self._record(phase="stopped" if self._is_stopping else "failed", parts={}, ready=())
        return self._is_stopping

    def _is_started(self, part: Part) -> bool:
        """Start a part and wait until it is ready; False when it never is, or on a stop."""
        self._start(part)
        until = time.monotonic() + part.start_seconds
        while not self._is_stopping and self._is_kept_alive(part):
            if part.name in self._state.ready:
                return True
            if time.monotonic() > until:
                self._record(detail=f"{part.name} was not ready after {part.start_seconds:.0f} s; {self._end_of(part)}")
                return False
            time.sleep(_PAUSE_SECONDS)
        return False

    def _start(self, part: Part) -> None:
        started = start_detached(
            part.command,
            {**os.environ, **part.environment},
            self._group.log(part.name),
            signal_at_parent_death=signal.SIGTERM,
        )
        self._running[part.name] = started
        ready = tuple(name for name in self._state.ready if name != part.name)
        self._record(parts=self._state.parts | {part.name: ProcessId.of(started.pid)}, ready=ready)

    def _is_kept_alive(self, part: Part) -> bool:
        code = self._running[part.name].poll()
        if code is None:
            if part.name not in self._state.ready and part.is_ready():
                self._record(ready=(*self._state.ready, part.name))
            return True
        now = time.monotonic()
        deaths = [*(at for at in self._deaths.get(part.name, ()) if now - at < _WITHIN_SECONDS), now]
        self._deaths[part.name] = deaths
        log.error("%s ended with code %s", part.name, code)
        end_trees([self._state.parts[part.name]], patience_seconds=0)
        if len(deaths) >= _DEATHS:
            how_often = f"{_DEATHS} times within {_WITHIN_SECONDS:.0f} s"
            self._record(detail=f"{part.name} ended {how_often} (code {code}); {self._end_of(part)}")
            return False
        time.sleep(min(2.0 ** (len(deaths) - 1) - 1, 10.0))
        self._start(part)
        self._record(restarts=self._state.restarts + 1, detail=f"{part.name} was restarted, it ended with code {code}")
        return True

    def _end_of(self, part: Part) -> str:
        return f"the end of its log: {last_lines(self._group.log(part.name))}"

    def _record(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]
        write_state(self._group, self._state)


def main() -> int:
    """The exit code of `run_supervisor`."""
    clean_log_records(environment_secrets())
    group = group_of(sys.argv[1])
    return run_supervisor(GroupSupervisor(group), group.folder / "supervisor.lock")


if __name__ == "__main__":
    sys.exit(main())
