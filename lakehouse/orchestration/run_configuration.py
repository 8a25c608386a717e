"""The configuration of a run: copied and checked once, below `<home>/runs/`, and read from there by all of its stages.

The tasks of a DAG run are processes, perhaps on several machines; the first one makes the copy, and the others find it.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

from lakehouse.config.folder import configuration_files, working_with
from lakehouse.config.settings import settings
from lakehouse.diagnostics.config_check import check_configuration

# In the configuration of a DAG run: the name of the copy that it works with, which other runs share.
CONFIGURATION = "configuration"
_KEPT_SECONDS = 30 * 24 * 3600
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST = 150


class DagRun(Protocol):
    """What is needed of Airflow's run of a DAG."""

    dag_id: str
    run_id: str
    clear_number: int | None
    conf: dict[str, Any] | None


def configuration_name(run: DagRun) -> str:
    """The name of the configuration that a DAG run works with: that of the `lakehouse run` it is part of, else its own.

    A run that somebody clears reads the files again: mostly they were repaired.
    """
    shared = (run.conf or {}).get(CONFIGURATION)
    return str(shared or f"{run.dag_id}.{run.run_id}.{run.clear_number or 0}")


def run_configuration(name: str) -> Path:
    """The folder with the configuration that the run `name` works with.

    The first call of a run copies and checks it; copies of runs that began more than 30 days ago are removed then.

    Raises:
        ConfigurationError: A file is not valid. No copy is kept, so that a retry reads the repaired one.
    """
    runs = settings().home / "runs"
    folder = runs / _folder_name(name)
    if folder.is_dir():
        return folder
    runs.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".", dir=runs))
    try:
        for file, content in configuration_files(settings().conf).items():
            (draft / file).parent.mkdir(exist_ok=True)
            (draft / file).write_bytes(content)
        with working_with(draft):
            check_configuration(draft)
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():  # it is, when another task was faster
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _remove_old(runs)
    return folder


def _folder_name(name: str) -> str:
    """A name that every file system takes; the digest keeps apart what differs in other signs only."""
    safe = _UNSAFE.sub("_", name).strip(".")[:_LONGEST]
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _remove_old(runs: Path) -> None:
    oldest = time.time() - _KEPT_SECONDS
    for folder in runs.iterdir():
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
