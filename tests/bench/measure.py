"""Measuring a command from outside: wall time, and the peak memory of everything it started."""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Measurement:
    """`seconds` of wall time; `peak_gib` is the largest sum of proportional set sizes of all watched processes at one moment."""

    seconds: float
    peak_gib: float
    output: str
    returncode: int


def measure(command: list[str], env: dict[str, str], cwd: Path, also_watch: str = "") -> Measurement:
    """Run a command and sample its process tree five times a second.

    `also_watch` is a marker (the home folder) found in the environment of processes that are not children, such as the engine.
    """
    started = time.monotonic()
    with subprocess.Popen(command, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        peak = _Peak(process.pid, also_watch)
        peak.start()
        output, _ = process.communicate()
        seconds = time.monotonic() - started
        peak.stop()
    return Measurement(seconds, peak.highest / 2**30, output, process.returncode)


class _Peak(threading.Thread):
    def __init__(self, pid: int, marker: str) -> None:
        super().__init__(daemon=True)
        self.pid, self.marker, self.highest, self._end = pid, marker, 0, threading.Event()

    def run(self) -> None:
        while not self._end.wait(0.2):
            self.highest = max(self.highest, sum(_memory(process) for process in self._watched()))

    def stop(self) -> None:
        self._end.set()
        self.join()

    def _watched(self) -> set[psutil.Process]:
        found: set[psutil.Process] = set()
        if psutil.pid_exists(self.pid):
            found |= {psutil.Process(self.pid), *_children(self.pid)}
        if self.marker:
            found |= {process for process in psutil.process_iter() if self.marker in _home(process)}
        return found


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _home(process: psutil.Process) -> str:
    try:
        return process.environ().get("LAKEHOUSE_HOME", "")
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess, OSError):
        return ""


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return 0
