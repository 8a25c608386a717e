"""The configuration that counts in this process: the folder that LAKEHOUSE_CONF names, or the copy of a run.

A run takes a copy when it begins, so that what it was checked with is what all of its stages read, whatever is edited
meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lakehouse.config.settings import settings

SEGMENTS = "segments"
_copy: Path | None = None


def configuration_folder() -> Path:
    """The folder to read sources.yml, campaigns.yml and the other configuration from."""
    return _copy or settings().conf


@contextmanager
def working_with(folder: Path) -> Iterator[None]:
    """In the block this process reads its configuration from `folder`, a copy; messages name the files it was made
    from."""
    global _copy
    before, _copy = _copy, folder
    try:
        yield
    finally:
        _copy = before


def as_edited(path: Path) -> Path:
    """A configuration file as its owner knows it: in the folder that a copy was made from."""
    is_copy = _copy is not None and path.is_relative_to(_copy)
    return settings().conf / path.relative_to(_copy or "") if is_copy else path


def configuration_files(folder: Path) -> dict[str, bytes]:
    """Name -> content of every configuration file of a folder, in order; mail templates and own segments are in folders
    below it."""
    found = [*sorted(folder.glob("*.yml")), *template_files(folder), *own_segment_files(folder)]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def own_segment_files(folder: Path) -> list[Path]:
    """The files of `segments/`: dbt models of segments that are somebody's own, and what describes them."""
    return sorted(path for kind in ("*.sql", "*.yml") for path in (folder / SEGMENTS).glob(kind))


def template_files(folder: Path) -> list[Path]:
    """The mail templates of a configuration folder, in order."""
    return sorted(template_path(folder, "_").parent.glob("*.liquid"))


def template_path(folder: Path, name: str) -> Path:
    """Where the mail template of that name is."""
    return folder / "templates" / f"{name}.liquid"


def configuration_hash() -> str:
    """SHA-256 of the configuration that counts."""
    digest = hashlib.sha256()
    for name, content in configuration_files(configuration_folder()).items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()
