"""Measure a command from outside: its wall time, and the peak memory of all processes it started."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

_CHECKS = 4  # checking every process of the machine each time took a tenth of a core


@dataclass(frozen=True)
class Measurement:
    """`seconds` is wall time; `peak_gib` is the largest sum of the resident memory of all watched processes.

    Shared pages count once for each process, so the sum is an upper bound. Proportional sizes would be exact, but to
    compute them the kernel stops a process and walks all its pages: measured at 5 Hz, a run took a third longer.
    """

    seconds: float
    peak_gib: float
    output: str
    returncode: int


def measure(command: list[str], env: dict[str, str], cwd: Path, home: Path) -> Measurement:
    """Run a command, and sample five times a second the processes whose LAKEHOUSE_HOME is `home`: its own and the
    engine's."""
    started = time.monotonic()
    with subprocess.Popen(
        command, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        peak = _Peak(home)
        peak.start()
        output, _ = process.communicate()
        seconds = time.monotonic() - started
        peak.stop()
    return Measurement(seconds, peak.highest / 2**30, output, process.returncode)


class _Peak(threading.Thread):
    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self.home, self.highest, self._end = str(home), 0, threading.Event()
        self._ours: set[int] = set()
        self._checks: Counter[int] = Counter()

    def run(self) -> None:
        while not self._end.wait(0.2):
            self.highest = max(self.highest, sum(_resident(pid) for pid in psutil.pids() if self._watched(pid)))

    def stop(self) -> None:
        self._end.set()
        self.join()

    def _watched(self, pid: int) -> bool:
        """Whether the process works in the home.

        A new process may still have the environment of its parent, so it is checked a few times.
        """
        if pid not in self._ours and self._checks[pid] < _CHECKS:
            self._checks[pid] += 1
            if _home(pid).startswith(self.home):
                self._ours.add(pid)
        return pid in self._ours


def _home(pid: int) -> str:
    try:
        return psutil.Process(pid).environ().get("LAKEHOUSE_HOME", "")
    except (psutil.Error, OSError):
        return ""


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
