"""No room left, whichever stage writes: the run fails, nothing is half-published, and with room again the tables are
those of an undisturbed run."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.data_work import SILVER_STAGES
from tests.support.homes import ROOT, Home
from tests.support.lakes import difference, result_tables, tables
from tests.support.main_job import Undisturbed, do_data_work
from tests.support.soak import at_length

pytestmark = pytest.mark.slow

# No file may grow beyond this, by the kernel's own limit: the 92,000 products do not fit in landing, bronze, silver or
# gold.
ROOM = 500_000
# The first work that needs room, after so many stages.
_WORK_AFTER = {1: "bronze.crm_products", 2: "silver.products", len(SILVER_STAGES): "dim_products"}


def _do_data_work_without_room(home: Home) -> str:
    """Run all stages, and the engine they start, where no large file can be written; returns what was said about it."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.data_work"],
        cwd=ROOT,
        env=home.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM)),
    )
    home.lakehouse("engine", "stop")
    assert done.returncode != 0
    return done.stderr


@pytest.mark.parametrize("counts", [(len(SILVER_STAGES),), *at_length(((1, 2, len(SILVER_STAGES)),))])
def test_a_full_disk_then_room_again(undisturbed: Undisturbed, tmp_path: Path, counts: tuple[int, ...]) -> None:
    """Without room from the start, and again after so many stages had some."""
    home, lake = undisturbed.another_home(tmp_path / "home"), undisturbed.home.lake
    shutil.copytree(undisturbed.home.path / "sample", home.path / "sample")
    said = [_do_data_work_without_room(home)]
    for count in counts:
        do_data_work(home, "--stages", *SILVER_STAGES[:count])
        home.lakehouse("engine", "stop")
        said.append(_do_data_work_without_room(home))
    work = ["extract products", *(_WORK_AFTER[count] for count in counts)]
    assert [name for words, name in zip(said, work, strict=True) if f"{name}: File too large" not in words] == []
    assert all("Make room" in words for words in said)
    do_data_work(home)
    home.lakehouse("engine", "stop")
    names = [*tables(lake, "bronze"), *result_tables(lake)]
    assert {name: found for name in names if (found := difference(lake, home.lake, name))} == {}
