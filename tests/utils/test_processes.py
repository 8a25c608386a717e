"""Processes are recognised by pid and creation time, and ended with everything that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lakehouse.config.settings import environment_with
from lakehouse.utils.processes import ProcessId, end_trees, last_lines, run_supervisor, start_detached, wait_for

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
WITH_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""
LEADER = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
STARTER = """
import os, signal, sys, time
from lakehouse.utils.processes import start_detached
child = start_detached(
    [sys.executable, "-c", "import time; time.sleep(60)"], dict(os.environ), signal_at_parent_death=signal.SIGKILL
)
print(child.pid, flush=True)
time.sleep(60)
"""


def started(code: str, log: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A process that runs `code`, and the first line that it wrote."""
    process = start_detached([sys.executable, "-c", code], environment_with(), log)
    first = wait_for(lambda: last_lines(log), seconds=20)
    assert first, "nothing was written"
    return process, first


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    return tmp_path / "logs" / "program.log"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A process that was started without the command line, where new files can be read by everybody."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_what_a_started_process_writes_is_its_owners(log: Path) -> None:
    file = log.parent.parent / "written"
    process, _ = started(f"open({str(file)!r}, 'w').close(); print('up')", log)
    process.wait()
    assert [place.stat().st_mode & 0o077 for place in (file, log, log.parent)] == [0, 0, 0]


@pytest.mark.usefixtures("open_umask")
def test_a_supervisor_keeps_its_files_private_however_it_was_started(tmp_path: Path) -> None:
    class Writes:
        def run(self) -> bool:
            (tmp_path / "record").touch()
            return True

        def stop(self, *_: object) -> None:
            """Never asked to."""

    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        assert run_supervisor(Writes(), tmp_path / "lock") == 0
    finally:
        signal.signal(signal.SIGTERM, handlers[0])
        signal.signal(signal.SIGINT, handlers[1])
    assert (tmp_path / "record").stat().st_mode & 0o077 == 0


def test_pid_given_to_another_process_is_not_the_same_process() -> None:
    here = ProcessId.current()
    assert here.is_alive
    assert not ProcessId(os.getpid(), here.born - 60).is_alive
    assert not ProcessId(0, here.born).is_alive


def test_ended_process_is_not_alive_before_its_parent_has_asked_for_its_exit_code(log: Path) -> None:
    process, _ = started("print('up')", log)
    end = time.monotonic() + 10
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < end:
        time.sleep(0.02)
    assert not ProcessId.of(process.pid).is_alive
    assert process.wait() == 0


def test_tree_is_ended_with_a_child_in_a_session_of_its_own(log: Path) -> None:
    process, child = started(WITH_CHILD, log)
    both = [ProcessId.of(process.pid), ProcessId.of(int(child))]
    end_trees(both[:1], patience_seconds=0.5)
    assert [one.is_alive for one in both] == [False, False]


@pytest.mark.parametrize("patience_seconds", [0, 5.0])
def test_what_a_killed_process_left_behind_is_ended(log: Path, patience_seconds: float) -> None:
    process, child = started(LEADER, log)
    root, left = ProcessId.of(process.pid), ProcessId.of(int(child))
    process.kill()
    process.wait()
    assert left.is_alive
    end_trees([root], patience_seconds)
    assert not left.is_alive


def test_the_session_of_another_process_with_the_same_pid_is_left_alone(log: Path) -> None:
    process, child = started(LEADER, log)
    root, left = ProcessId.of(process.pid), ProcessId.of(int(child))
    end_trees([ProcessId(root.pid, root.born - 60)], patience_seconds=0)
    assert [root.is_alive, left.is_alive] == [True, True]
    end_trees([root], patience_seconds=0)


def test_process_that_ignores_the_request_is_killed(log: Path) -> None:
    process, _ = started(STUBBORN, log)
    root = ProcessId.of(process.pid)
    end_trees([root], patience_seconds=0.2)
    assert not root.is_alive
    end_trees([root], patience_seconds=60)  # it is gone: nothing to wait for


def test_process_bound_to_its_parent_dies_with_it(log: Path) -> None:
    parent, child = started(STARTER, log)
    bound = ProcessId.of(int(child))
    parent.kill()
    parent.wait()
    assert wait_for(lambda: not bound.is_alive, seconds=10)


def test_large_log_is_kept_aside_at_the_next_start(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakehouse.utils.processes._LOG_BYTES", 3)
    for word in ("first", "second"):
        start_detached([sys.executable, "-c", f"print('{word}')"], environment_with(), log).wait()
    assert [file.read_text() for file in (log, log.with_suffix(".log.1"))] == ["second\n", "first\n"]


def test_waiting_ends_with_the_first_true_answer_or_none() -> None:
    answers = iter(["", "", "here"])
    assert wait_for(lambda: next(answers), seconds=5, pause_seconds=0) == "here"
    assert wait_for(lambda: "", seconds=0.02, pause_seconds=0.01) is None


class Recorded:
    """A supervisor that is asked to stop by a signal while it runs."""

    def __init__(self) -> None:
        self.is_stopped = False

    def run(self) -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return bool(wait_for(lambda: self.is_stopped, seconds=5))

    def stop(self, *_: object) -> None:
        self.is_stopped = True


@pytest.fixture
def handlers() -> Iterator[None]:
    """The signal handlers of this process stay what they are."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_supervisor_is_asked_to_stop_by_a_signal_and_runs_alone(tmp_path: Path) -> None:
    lock = tmp_path / "supervisor.lock"
    codes = []

    class Outer(Recorded):
        def run(self) -> bool:
            codes.append(run_supervisor(Recorded(), lock))
            return super().run()

    assert run_supervisor(Recorded(), lock) == 0
    outer = Outer()
    outer.is_stopped = True
    assert run_supervisor(outer, lock) == 0
    assert codes == [2]
