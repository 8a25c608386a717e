"""Airflow's servers leave nothing behind, whichever of their processes is killed; with small programs as parts."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from lakehouse.config.settings import environment_with
from lakehouse.orchestration.server import control, supervisor
from lakehouse.orchestration.server.state import ServerState, part_log, read_state, write_state
from lakehouse.orchestration.server.supervisor import ServerSupervisor
from lakehouse.utils.processes import ProcessId, end_trees, last_lines, start_detached, wait_for

# A part that starts a process of its own, as the scheduler does, and says which.
PART = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
print(child.pid, flush=True)
time.sleep(120)
"""
COMMAND = (sys.executable, "-c", PART)


@pytest.fixture
def servers(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A supervisor, in a thread of this process, of one part that starts a process."""
    monkeypatch.setattr(supervisor, "PARTS", {"scheduler": COMMAND})
    monkeypatch.setattr(supervisor, "_prepare_database", lambda: True)
    monkeypatch.setattr(supervisor, "child_environment", environment_with)
    made = ServerSupervisor()
    thread = threading.Thread(target=made.run)
    thread.start()
    yield home
    made.stop()
    thread.join(30)
    assert not thread.is_alive()


def _part() -> ProcessId:
    return _until(lambda: (state := read_state()) and state.parts.get("scheduler"))


def _child(count: int) -> ProcessId:
    """What the part has started, when it was started so many times."""
    log = part_log("scheduler")
    pid = _until(lambda: (lines := last_lines(log, 9).split(" | ")) and len(lines) == count and lines[-1])
    return ProcessId.of(int(pid))


def _until(probe: Callable[[], object]) -> Any:
    found = wait_for(probe, seconds=20)
    assert found, "waited in vain"
    return found


@pytest.mark.slow
def test_the_next_scheduler_finds_nothing_of_the_one_that_was_killed(servers: Path) -> None:
    part, child = _part(), _child(1)
    psutil.Process(part.pid).kill()
    another = _child(2)
    assert not child.is_alive
    assert another.is_alive
    state = read_state()
    assert state is not None
    assert state.restarts == 1


def test_down_ends_what_a_killed_part_of_a_killed_supervisor_left(home: Path) -> None:
    started = start_detached(COMMAND, environment_with(), part_log("scheduler"))
    part, child = ProcessId.of(started.pid), _child(1)
    write_state(ServerState("running", ProcessId(2**22, time.time()), 1, {"scheduler": part}))
    started.kill()
    started.wait()
    assert child.is_alive
    try:
        assert control.down().state == "stopped"
        assert not child.is_alive
    finally:
        end_trees([part, child], 0)
