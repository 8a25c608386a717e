"""The dbt project as files: what it is made of now, and its parsed manifest for Airflow's model tasks."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
from pathlib import Path

from lakehouse.errors import TerminalError
from lakehouse.platform.airflow_env import airflow_home, child_environment
from lakehouse.settings import PROJECT_ROOT, settings

log = logging.getLogger(__name__)
PROJECT = PROJECT_ROOT / "dbt_project"
_WRITTEN_BY_DBT = {"target", "logs", "dbt_packages", ".user.yml"}


def project_fingerprint() -> str:
    """Hash over names and contents of the project's files: changes exactly when a model, test, macro or setting does."""
    digest = hashlib.sha256()
    for path in sorted(_files()):
        digest.update(str(path.relative_to(PROJECT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def manifest_path() -> Path:
    """The manifest of the project as it is now, parsed (some seconds) only when the project or the engine changed.

    Raises TerminalError with dbt's own words when the project does not parse.
    """
    folder = airflow_home() / "dbt" / f"{settings().engine}-{project_fingerprint()}"
    manifest = folder / "manifest.json"
    if not manifest.exists():
        _parse(folder)
    return manifest


def _files() -> list[Path]:
    return [path for path in PROJECT.rglob("*") if path.is_file() and not _WRITTEN_BY_DBT & set(path.relative_to(PROJECT).parts)]


def _parse(folder: Path) -> None:
    """Parse beside the final folder and move the result there whole: two processes may do it at once and both are right."""
    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    options = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target", settings().engine, "--target-path", str(draft)]
    command = ["dbt", "--quiet", "parse", *options, "--log-path", str(settings().logs / "dbt")]
    done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise TerminalError(f"the dbt project does not parse: {(done.stdout + done.stderr).strip()[-1500:]}", "Mend the file it names in dbt_project/.")
    if folder.exists():
        shutil.rmtree(draft)
        return
    for outdated in folder.parent.glob(f"{settings().engine}-*"):
        if "." not in outdated.name:  # another draft may be under way
            shutil.rmtree(outdated, ignore_errors=True)
    draft.rename(folder)
