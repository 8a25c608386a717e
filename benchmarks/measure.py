"""Measuring a command from outside: wall time, and the peak memory of everything it started."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

_LOOKS = 4  # looking at every process of the machine each time took a tenth of a core


@dataclass(frozen=True)
class Measurement:
    """`seconds` of wall time; `peak_gib` is the largest sum of resident memory of all watched processes at one moment.

    Pages that processes share count once for each, so the sum is an upper bound. Proportional sizes would be exact, but
    the kernel walks all pages of a process for them and holds it up meanwhile: measured at 5 Hz, a run took a third
    longer.
    """

    seconds: float
    peak_gib: float
    output: str
    returncode: int


def measure(command: list[str], env: dict[str, str], cwd: Path, home: Path) -> Measurement:
    """Run a command and sample, five times a second, the processes that work in `home` (LAKEHOUSE_HOME): its own and
    the engine's."""
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
        self._looks: Counter[int] = Counter()

    def run(self) -> None:
        while not self._end.wait(0.2):
            self.highest = max(self.highest, sum(_resident(pid) for pid in psutil.pids() if self._watched(pid)))

    def stop(self) -> None:
        self._end.set()
        self.join()

    def _watched(self, pid: int) -> bool:
        """A process that is just being started may still have the environment of its parent, so a no is final after
        some looks only."""
        if pid not in self._ours and self._looks[pid] < _LOOKS:
            self._looks[pid] += 1
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
