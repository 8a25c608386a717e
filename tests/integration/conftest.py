"""The whole main job, run once per engine on a small sample through the command line; tests look at what it left."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from tests.support.homes import ROOT, Home

HOUSEHOLDS = 80
AS_OF = "2018-01-02T00:00:00Z"
CAMPAIGN = "champions_thank_you"


@dataclass(frozen=True)
class Ran:
    """A home in which the main job ran once; `output` is what a person saw."""

    home: Home
    output: str

    @cached_property
    def sample(self) -> Path:
        return self.home.path / "sample"


def run_main_job(home: Home, *flags: str) -> str:
    """Build the sample if needed and run the main job; returns the summary as JSON text."""
    home.lakehouse("sample", "build", "--households", str(HOUSEHOLDS))
    return home.lakehouse("run", "--campaign", CAMPAIGN, "--as-of", AS_OF, "--json", *flags).stdout


@pytest.fixture(scope="session")
def ran_on_sail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    yield from _ran(Home(tmp_path_factory.mktemp("sail"), "sail"))


@pytest.fixture(scope="session")
def ran_on_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    yield from _ran(Home(tmp_path_factory.mktemp("spark"), "spark"))


@pytest.fixture(scope="session", params=["sail", "spark"])
def ran(request: pytest.FixtureRequest) -> Ran:
    """The main job on each engine in turn."""
    found: Ran = request.getfixturevalue(f"ran_on_{request.param}")
    return found


def do_data_work(home: Home, *flags: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """The stages from dumps to gold in one process of their own, without Airflow."""
    command = [sys.executable, "-m", "tests.bench.data_work", *flags]
    done = subprocess.run(command, cwd=ROOT, env=home.environment(), capture_output=True, text=True, check=False, timeout=900)
    assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def _ran(home: Home) -> Iterator[Ran]:
    try:
        yield Ran(home, run_main_job(home))
    finally:
        home.lakehouse("engine", "stop", check=False)
