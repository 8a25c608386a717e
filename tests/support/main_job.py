"""The whole main job on a small sample, through the command line, and its data work alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.support.homes import ROOT, Home
from tests.support.prepared import Prepared

HOUSEHOLDS = 80
AS_OF = "2018-01-02T00:00:00Z"
CAMPAIGN = "champions_thank_you"


@dataclass(frozen=True)
class Ran:
    """A home in which the main job ran once; `output` is what a person saw."""

    home: Home
    output: str

    def copy_to(self, home: Home) -> Home:
        """Give a new home what the job left: all but Airflow's metadata, the engine and logs; returns it."""
        alone = shutil.ignore_patterns("airflow", "engine", "logs")
        shutil.copytree(self.home.path, home.path, ignore=alone, dirs_exist_ok=True)
        return home

    @cached_property
    def sample(self) -> Path:
        return self.home.path / "sample"


@dataclass(frozen=True)
class Undisturbed:
    """What the data work on a small sample leaves when nothing goes wrong, and how many seconds it took."""

    home: Home
    seconds: float
    prepared: Prepared

    def another_home(self, path: Path) -> Home:
        """A new home, with nothing but the preparations: they take longer than the data work."""
        return self.prepared.copy_to(Home(path))


def run_main_job(home: Home, *flags: str) -> str:
    """Build the sample if needed and run the main job; returns the summary as JSON text."""
    home.lakehouse("sample", "build", "--households", str(HOUSEHOLDS))
    return home.lakehouse("run", "--campaign", CAMPAIGN, "--as-of", AS_OF, "--json", *flags).stdout


def do_data_work(home: Home, *flags: str, check: bool = True, **extra: str) -> subprocess.CompletedProcess[str]:
    """The stages from dumps to gold in one process of their own, without Airflow; `extra` is added to its
    environment."""
    command = [sys.executable, "-m", "benchmarks.data_work", *flags]
    done = subprocess.run(
        command, cwd=ROOT, env=home.environment(**extra), capture_output=True, text=True, check=False, timeout=900
    )
    assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done
