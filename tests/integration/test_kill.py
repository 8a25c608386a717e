"""The job, or the engine under it, is killed at random moments; running again leaves the same tables as an undisturbed
run."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.homes import ROOT, Home
from tests.support.lakes import difference, result_tables, tables
from tests.support.main_job import Undisturbed
from tests.support.soak import at_length

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "benchmarks.data_work"]


def _kill_once(home: Home, after: float, victim: str) -> None:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        COMMAND, cwd=ROOT, env=home.environment(), stdout=quiet, stderr=quiet, start_new_session=True
    )
    time.sleep(after)
    if victim == "engine":
        state = json.loads(home.lakehouse("engine", "status", "--json", check=False).stdout or "{}")
        if state.get("pid"):
            os.kill(int(state["pid"]), signal.SIGKILL)
        process.wait(timeout=120)
    else:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


@pytest.mark.parametrize(
    ("victims", "seed"),
    [
        (("job", "engine"), 1),
        *at_length(*(((victim,) * 4, seed) for victim in ("job", "engine") for seed in range(3, 8))),
    ],
)
def test_killed_anywhere_then_run_again_equals_undisturbed(
    undisturbed: Undisturbed, tmp_path: Path, victims: tuple[str, ...], seed: int
) -> None:
    reference, seconds = undisturbed.home, undisturbed.seconds
    chance = random.Random(seed)
    home = undisturbed.another_home(tmp_path / "home")
    shutil.copytree(reference.path / "sample", home.path / "sample")
    try:
        home.lakehouse("engine", "start")
        for victim in victims:
            _kill_once(home, chance.uniform(0.25, 1.0) * seconds, victim)
        subprocess.run(COMMAND, cwd=ROOT, env=home.environment(), check=True, timeout=600)
    finally:
        home.lakehouse("engine", "stop", check=False)
    names = [*tables(reference.lake, "bronze"), *result_tables(reference.lake)]
    assert {name: found for name in names if (found := difference(reference.lake, home.lake, name))} == {}
