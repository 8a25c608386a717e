"""Starting, watching and ending processes: what the supervisors of the engine and of Airflow's servers share."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import psutil

from lakehouse.utils.atomic_files import PRIVATE_UMASK, keep_new_files_private, make_private_folder
from lakehouse.utils.file_lock import held_lock

T = TypeVar("T")
GB = 1024**3
_log = logging.getLogger(__name__)
_LOG_BYTES = 50_000_000  # a larger log is kept as <name>.log.1 when its process is started again
_KILL_SECONDS = 10.0
_SAME_BIRTH_SECONDS = 0.05  # creation times of one process as different calls read them
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


@dataclass(frozen=True)
class ProcessId:
    """A pid and the creation time of its process (seconds since 1970): pids are given again to other programs."""

    pid: int
    born: float

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """The process that has this pid now. Raises psutil.NoSuchProcess."""
        return cls(pid, psutil.Process(pid).create_time())

    @classmethod
    def current(cls) -> ProcessId:
        """This process."""
        return cls.of(os.getpid())

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        if self.pid <= 0:
            return False
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.born) < _SAME_BIRTH_SECONDS and _runs(process)
        except psutil.NoSuchProcess:
            return False


def start_detached(
    command: Sequence[str],
    environment: dict[str, str],
    log: Path | None = None,
    signal_at_parent_death: signal.Signals | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own: no Ctrl-C of the terminal reaches it, and `end_trees` finds what it
    started, also after it was killed.

    Args:
        command: the program and its arguments.
        environment: all of its environment variables.
        log: the file that takes its output; by default it writes where this process writes.
        signal_at_parent_death: what the kernel sends it when this process dies in whatever way (Linux); by default
            it lives on.
    """
    bind = None if signal_at_parent_death is None else partial(_bind_to_parent, signal_at_parent_death)
    with contextlib.ExitStack() as stack:
        output = None if log is None else stack.enter_context(open(_rotated(log), "ab", opener=_opened_private))
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=PRIVATE_UMASK,
            preexec_fn=bind,
        )


def end_trees(roots: Iterable[ProcessId], patience_seconds: float) -> None:
    """End processes with all their descendants: the roots are asked to, what is left after the patience is killed.

    What a root that was killed has left behind belongs to no tree any more, but still to the session that it led (see
    `start_detached`), and is ended as well. A patience of 0 kills at once. Returns when they are gone; processes that
    are gone already are ignored.
    """
    chosen = list(roots)
    trees = [_tree(root) for root in chosen]
    alive = [process for tree in trees for process in tree]
    if patience_seconds > 0:
        for root, tree in zip(chosen, trees, strict=True):
            for process in tree[:1] if root.is_alive else tree:  # a root ends its own
                _signal(process, signal.SIGTERM)
        alive = _left_after(alive, patience_seconds)
        for survivor in alive:
            _log.warning("%s did not end within %.0f s and is killed", survivor, patience_seconds)
    # Until nothing is left: a process may have started another one before it was killed.
    while alive := [*alive, *(process for root in chosen for process in _tree(root))]:
        for survivor in alive:
            _signal(survivor, signal.SIGKILL)
        if alive := _left_after(alive, _KILL_SECONDS):
            return


def end_alone(processes: Iterable[ProcessId], patience_seconds: float) -> None:
    """Ask processes to end, and kill them after the patience; what they have started is left to whoever minds it."""
    alive = [psutil.Process(process.pid) for process in processes if process.is_alive]
    for process in alive:
        _signal(process, signal.SIGTERM)
    for survivor in _left_after(alive, patience_seconds):
        _log.warning("%s did not end within %.0f s and is killed", survivor, patience_seconds)
        _signal(survivor, signal.SIGKILL)
    _left_after(alive, _KILL_SECONDS)


def wait_for(probe: Callable[[], T | None], seconds: float, pause_seconds: float = 0.05) -> T | None:
    """Call `probe` until it returns something true, and return that; None when it does not for so many seconds."""
    until = time.monotonic() + seconds
    while not (found := probe()):
        if time.monotonic() >= until:
            return None
        time.sleep(pause_seconds)
    return found


def last_lines(log: Path, count: int = 3) -> str:
    """The end of a log file on one line, for an error message; empty when there is none."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return " | ".join(lines[-count:])


def resident_gb(pid: int) -> float:
    """Memory that a process holds in RAM, GiB; 0 when it is gone."""
    try:
        return float(psutil.Process(pid).memory_info().rss / GB)
    except psutil.NoSuchProcess:
        return 0.0


class Supervisor(Protocol):
    """Keeps processes running until it is asked to stop."""

    def run(self) -> bool:
        """True after a stop that was asked for, False when the processes cannot be kept running."""

    def stop(self, *_: object) -> None:
        """Ask `run` to return; usable as a signal handler."""


def run_supervisor(supervisor: Supervisor, lock: Path) -> int:
    """Run a supervisor as the only one that holds `lock`; SIGTERM and SIGINT ask it to stop.

    Returns:
        The exit code of the process: 0 after a stop that was asked for, 1 when the supervisor gave up, 2 when another
        one holds the lock.
    """
    keep_new_files_private()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with held_lock(lock, wait_seconds=0) as is_mine:
        if not is_mine:
            _log.error("another supervisor is running: it holds %s", lock)
            return 2
        signal.signal(signal.SIGTERM, supervisor.stop)
        signal.signal(signal.SIGINT, supervisor.stop)
        return 0 if supervisor.run() else 1


def _tree(root: ProcessId) -> list[psutil.Process]:
    """The process, if it runs, its descendants, and what runs of the session that it leads or led."""
    found: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        now = psutil.Process(root.pid)
        if abs(now.create_time() - root.born) >= _SAME_BIRTH_SECONDS:
            return []  # the pid was given again, which the kernel does only after the end of its session
        found = [now, *now.children(recursive=True)]
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.NoSuchProcess):  # OSError: it ended, or belongs to another user
            if os.getsid(pid) == root.pid and pid != os.getpid():
                found.append(psutil.Process(pid))
    return [process for process in dict.fromkeys(found) if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    """Whether a process has not ended; a zombie has, it only waits for its parent to look."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _left_after(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that still run after so many seconds; returns as soon as there are none."""
    left = list(processes)
    wait_for(lambda: not any(map(_runs, left)), seconds, pause_seconds=0.02)
    return [process for process in left if _runs(process)]


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _rotated(log: Path) -> Path:
    make_private_folder(log.parent)
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log


def _opened_private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _bind_to_parent(signal_at_parent_death: signal.Signals) -> None:
    """In the child: have the kernel send the signal when the parent dies, so that nothing runs unsupervised (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal_at_parent_death)
