"""Which tables the lake has, and at which version: read from the Delta logs alone, with imports that cost nothing."""

from __future__ import annotations

import re
from pathlib import Path

from lakehouse.tables import Layer, TableRef

_NAME = re.compile(r"[a-z][a-z0-9_]{0,126}")
_COMMIT = re.compile(r"(\d{20})\.json")


def is_remote(lake: str) -> bool:
    """Whether the lake is in an object store rather than in the file system."""
    return "://" in lake and not lake.startswith("file://")


def local_folder(lake: str) -> Path:
    return Path(lake.removeprefix("file://"))


def delta_uri(table: TableRef, lake: str) -> str:
    """Location as delta-rs and DuckDB spell it: a plain path, or s3://."""
    return table.location(lake).replace("s3a://", "s3://", 1) if is_remote(lake) else table.location(str(local_folder(lake)))


def existing_tables(lake: str) -> list[TableRef]:
    """Every table of the lake that has been written, in order."""
    found = []
    for layer in Layer:
        names = _remote_folders(f"{lake}/{layer}") if is_remote(lake) else _local_tables(local_folder(lake) / layer)
        found += [TableRef(layer, name) for name in names if _NAME.fullmatch(name)]
    return sorted(found)


def newest_version(table: TableRef, lake: str) -> int | None:
    """Newest committed version, or None when the table has not been written yet.

    The log of a local table is listed, which takes a fraction of a millisecond; delta-rs is loaded for an object store only.
    """
    if is_remote(lake):
        from deltalake import DeltaTable

        location = delta_uri(table, lake)
        return DeltaTable(location).version() if DeltaTable.is_deltatable(location) else None
    log = Path(delta_uri(table, lake)) / "_delta_log"
    commits = [int(match[1]) for file in log.glob("*.json") if (match := _COMMIT.fullmatch(file.name))]
    return max(commits, default=None)


def _local_tables(folder: Path) -> list[str]:
    return [log.parent.name for log in folder.glob("*/_delta_log") if any(log.glob("*.json"))]


def _remote_folders(prefix: str) -> list[str]:
    """Tables below a layer of an object store: folders with a commit in their log."""
    import fsspec

    store = fsspec.filesystem("s3")
    store.invalidate_cache()
    folder = prefix.split("://", 1)[1]
    if not store.exists(folder):
        return []
    paths = [str(path).rstrip("/") for path in store.ls(folder, detail=False)]
    return [path.rsplit("/", 1)[-1] for path in paths if store.exists(f"{path}/_delta_log")]
