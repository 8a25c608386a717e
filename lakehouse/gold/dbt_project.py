"""The dbt project as files: where it is, what it is made of now, and the options every dbt invocation gets."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lakehouse.config.settings import PROJECT_ROOT, settings

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
_WRITTEN_BY_DBT = {"target", "logs", "dbt_packages", ".user.yml"}


def project_fingerprint() -> str:
    """Hash over names and contents of the project's files: changes exactly when a model, test, macro or setting
    does."""
    digest = hashlib.sha256()
    for path in sorted(_files()):
        digest.update(str(path.relative_to(DBT_PROJECT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def target_path() -> Path:
    """Where dbt writes compiled SQL in this home."""
    return settings().home / "dbt"


def dbt_options(target: Path | None = None) -> list[str]:
    """Options that name the project, the engine and the folders dbt writes to; `target` defaults to target_path()."""
    folders = {
        "project-dir": DBT_PROJECT,
        "profiles-dir": DBT_PROJECT,
        "target-path": target or target_path(),
        "log-path": settings().logs / "dbt",
    }
    named = [part for name, folder in folders.items() for part in (f"--{name}", str(folder))]
    return ["--quiet", "--target", settings().engine, *named]


def _files() -> list[Path]:
    return [
        path
        for path in DBT_PROJECT.rglob("*")
        if path.is_file() and not _WRITTEN_BY_DBT & set(path.relative_to(DBT_PROJECT).parts)
    ]
