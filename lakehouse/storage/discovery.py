"""Which tables the lake has, and at which version: read from the Delta logs alone, with imports that cost nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.tables import Layer, TableRef, is_table_name

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.(.+\.)?parquet")


def is_remote(lake: str) -> bool:
    """Whether the lake is in an object store rather than in the file system."""
    return "://" in lake and not lake.startswith("file://")


def local_folder(lake: str) -> Path:
    """The folder of a lake on this machine."""
    return Path(lake.removeprefix("file://"))


def delta_uri(table: TableRef, lake: str) -> str:
    """Location as delta-rs and DuckDB spell it: a plain path, or s3://. Credentials come from the standard AWS
    variables."""
    if is_remote(lake):
        return table.location(lake).replace("s3a://", "s3://", 1)
    return table.location(str(local_folder(lake)))


def existing_tables(lake: str) -> list[TableRef]:
    """Every table of the lake that has been written, in order: two directory listings a layer locally, one request a
    table on s3."""
    find = _remote_tables if is_remote(lake) else _local_tables
    return sorted(TableRef(layer, name) for layer in Layer for name in find(lake, layer) if is_table_name(name))


def newest_version(table: TableRef, lake: str) -> int | None:
    """Newest committed version, or None when the table has not been written yet.

    The log of a local table is listed, which takes a fraction of a millisecond; delta-rs is loaded for an object store
    only.
    """
    if is_remote(lake):
        from deltalake import DeltaTable

        location = delta_uri(table, lake)
        return DeltaTable(location).version() if DeltaTable.is_deltatable(location) else None
    found = map(_COMMIT.fullmatch, _log_names(delta_uri(table, lake)))
    return max((int(match[1]) for match in found if match), default=None)


def commits_of(folder: Path) -> dict[int, Path]:
    """Version -> file of the commits in the log of a local table; empty without a log."""
    return {int(match[1]): file for file in _log_files(folder) if (match := _COMMIT.fullmatch(file.name))}


def checkpoints_of(folder: Path) -> set[int]:
    """The versions of which the log of a local table has a checkpoint."""
    return {int(match[1]) for file in _log_files(folder) if (match := _CHECKPOINT.fullmatch(file.name))}


def _log_files(folder: Path) -> list[Path]:
    return [folder / "_delta_log" / name for name in _log_names(folder)]


def _log_names(folder: str | Path) -> list[str]:
    """Not by `glob`, for which a folder that may not be read is empty: the table would seem not to be there."""
    try:
        return os.listdir(f"{folder}/_delta_log")
    except (FileNotFoundError, NotADirectoryError):
        return []


def _local_tables(lake: str, layer: Layer) -> Iterator[str]:
    folder = local_folder(lake) / layer
    if not folder.is_dir():
        return
    for entry in os.scandir(folder):
        log = Path(entry.path) / "_delta_log"
        if log.is_dir() and any(file.name.endswith(".json") for file in os.scandir(log)):
            yield entry.name


def _remote_tables(lake: str, layer: Layer) -> Iterator[str]:
    store, root = _store(f"{lake}/{layer}")
    if not store.exists(root):
        return
    for path in store.ls(root, detail=False):
        table = str(path).rstrip("/")
        log = f"{table}/_delta_log"
        if store.exists(log) and any(str(file).endswith(".json") for file in store.ls(log, detail=False)):
            yield table.rsplit("/", 1)[-1]


def _store(location: str) -> tuple[AbstractFileSystem, str]:
    """The object store and the path in it, seen as it is now."""
    import fsspec

    store, path = fsspec.url_to_fs(location.replace("s3a://", "s3://", 1))
    store.invalidate_cache()
    return store, str(path)
