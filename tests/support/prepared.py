"""What takes seconds to make and is the same in every home, made once for all tests of a run, and copied: the parsed
dbt project and Airflow's metadata database. The tests of `lakehouse run` and `lakehouse up` begin without them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lakehouse.utils.file_lock import held_lock
from tests.support.homes import ROOT, Home

_SECONDS = 600
_PARSED = Path("dbt") / "parsed"
_DATABASE = Path("airflow") / "airflow.db"
_MARKER = Path("airflow") / "airflow.db.prepared.json"
_PREPARE = (
    "from lakehouse.gold.dbt_manifest import dbt_manifest_path;"
    "from lakehouse.orchestration import metadata_db;"
    "dbt_manifest_path(); metadata_db.prepare()"
)


@dataclass(frozen=True)
class Prepared:
    """A home in which nothing was done yet but the preparations."""

    home: Home

    def copy_to(self, home: Home) -> Home:
        """Give another home what was prepared in this one; returns it."""
        shutil.copytree(self.home.path / _PARSED, home.path / _PARSED, dirs_exist_ok=True)
        (home.path / _DATABASE).parent.mkdir(parents=True, exist_ok=True)
        for name in (_DATABASE, _MARKER):
            shutil.copy(self.home.path / name, home.path / name)
        return home


def prepared_in(folder: Path) -> Prepared:
    """What is prepared in a folder that all processes of pytest share; the first of them makes it.

    Raises AssertionError with what was printed when that fails.
    """
    home, ready = Home(folder / "home"), folder / "ready"
    with held_lock(folder / "lock", wait_seconds=_SECONDS) as is_mine:
        assert is_mine, f"another process has been preparing {folder} for {_SECONDS} s"
        if not ready.exists():
            done = subprocess.run(
                [sys.executable, "-c", _PREPARE],
                cwd=ROOT,
                env=home.environment(),
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
            assert done.returncode == 0, f"nothing could be prepared\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
            ready.touch()
    return Prepared(home)
