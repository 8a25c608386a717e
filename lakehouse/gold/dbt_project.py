"""The dbt project as files: where it is, what it is made of now, and the options every dbt invocation gets."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lakehouse.config.settings import DBT_PROJECT, settings
from lakehouse.gold.segment_models import model_files, model_fingerprint

_WRITTEN_BY_DBT = {"target", "logs", "dbt_packages", ".user.yml"}


def project_fingerprint() -> str:
    """Hash over names and contents of the project's files: changes exactly when a model, test, macro or setting
    does."""
    digest = hashlib.sha256()
    for path in sorted(_files()):
        digest.update(str(path.relative_to(DBT_PROJECT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def parsed_fingerprint() -> str:
    """Changes exactly when a file of the project does, or what the configuration adds to it (segments)."""
    return hashlib.sha256((project_fingerprint() + model_fingerprint()).encode()).hexdigest()[:16]


def write_project(folder: Path) -> None:
    """Write the project that dbt parses into a new folder: its files, and the segments of the configuration.

    Raises:
        ConfigurationError: segments.yml is not valid.
    """
    files = {str(path.relative_to(DBT_PROJECT)): path.read_bytes() for path in _files()} | model_files()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def target_path() -> Path:
    """Where dbt writes compiled SQL in this home."""
    return settings().home / "dbt"


def dbt_options(target: Path | None = None, project: Path = DBT_PROJECT) -> list[str]:
    """Options that name the project, the engine and the folders dbt writes to; `target` defaults to target_path().

    An invocation that is given a manifest reads the settings of the project only; one that parses needs the folder of
    `write_project`.
    """
    folders = {
        "project-dir": project,
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
