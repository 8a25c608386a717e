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

_copy: Path | None = None


def configuration_folder() -> Path:
    """The folder to read sources.yml, campaigns.yml and placeholders.yml from."""
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
    return settings().conf / path.name if _copy is not None and path.parent == _copy else path


def configuration_files(folder: Path) -> dict[str, bytes]:
    """Name -> content of every configuration file of a folder, in order."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.yml"))}


def configuration_hash() -> str:
    """SHA-256 of the configuration that counts."""
    digest = hashlib.sha256()
    for name, content in configuration_files(configuration_folder()).items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()
