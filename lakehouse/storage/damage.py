"""Which tables cannot be read: a log that is cut, gone or has a gap, a data file that is gone or shorter than written.

Found from logs and sizes alone: no data is read, and no engine is needed. In an object store only the logs are looked
at.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from lakehouse.errors import DamagedTableError, LakehouseError
from lakehouse.storage.discovery import (
    checkpoints_of,
    commits_of,
    delta_uri,
    existing_tables,
    is_remote,
    local_folder,
    newest_version,
)
from lakehouse.tables import Layer, TableRef, is_table_name
from lakehouse.utils.foreign_errors import UnexpectedError

_NAMED = 3  # files named in one finding


def damage_of(table: TableRef, lake: str) -> str | None:
    """What is wrong with a table that was written, in a few words; None when nothing is."""
    folder = Path(delta_uri(table, lake))
    if not is_remote(lake) and (problem := _log_damage(folder)):
        return problem
    if newest_version(table, lake) is None:
        return None
    try:
        found = DeltaTable(delta_uri(table, lake))
    except (DeltaError, OSError) as error:
        return f"its log cannot be read ({type(error).__name__})"
    return None if is_remote(lake) else _file_damage(found, folder)


def damaged_tables(lake: str, tables: Iterable[TableRef] | None = None) -> dict[TableRef, str]:
    """Damaged tables of the lake, or among those given, with what is wrong; costs a look at every log and the size of
    every data file."""
    chosen = known_tables(lake) if tables is None else tables
    found = ((table, damage_of(table, lake)) for table in chosen)
    return {table: problem for table, problem in found if problem}


def doubtful_tables(lake: str) -> dict[TableRef, str]:
    """Damaged tables, and those that have lost commits without a trace."""
    return lost_commits(lake) | damaged_tables(lake)


def refuse_damaged(lake: str, tables: Iterable[TableRef] | None = None) -> None:
    """Raise DamagedTableError if there are damaged tables: for who has met an error that they may have caused."""
    if found := damaged_tables(lake, tables):
        raise _named(found)


def behind(error: LakehouseError, lake: str) -> LakehouseError:
    """What to say of an error: that tables are damaged, which an unexpected one may come from; else the error."""
    damaged = damaged_tables(lake) if isinstance(error, UnexpectedError) else {}
    return _named(damaged) if damaged else error


def lost_commits(lake: str) -> dict[TableRef, str]:
    """Tables whose log ends before a commit that a stage has read: what the lost commits brought would be missing for
    good, since the stage that made them does not know."""
    progress = TableRef(Layer.OPS, "progress")
    if newest_version(progress, lake) is None or damage_of(progress, lake):
        return {}
    columns = ["stage", "input_table", "input_version", "recorded_at"]
    rows = DeltaTable(delta_uri(progress, lake)).to_pyarrow_table(columns=columns).to_pylist()
    newest = {(row["stage"], row["input_table"]): row for row in sorted(rows, key=lambda row: row["recorded_at"])}
    read: dict[str, int] = {}
    for (_, name), row in newest.items():
        read[name] = max(row["input_version"], read.get(name, -1))
    found = {}
    for table in existing_tables(lake):
        version = newest_version(table, lake)
        if version is not None and read.get(str(table), -1) > version:
            found[table] = f"its log ends with commit {version}, but commit {read[str(table)]} was read from it"
    return found


def _named(damaged: dict[TableRef, str]) -> DamagedTableError:
    return DamagedTableError({str(table): problem for table, problem in damaged.items()})


def known_tables(lake: str) -> list[TableRef]:
    """The tables of the lake, and those whose log is gone while their data files are there."""
    tables = set(existing_tables(lake))
    if not is_remote(lake):
        for layer in Layer:
            folder = local_folder(lake) / layer
            entries = os.scandir(folder) if folder.is_dir() else ()
            tables |= {TableRef(layer, entry.name) for entry in entries if is_table_name(entry.name)}
    return sorted(table for table in tables if is_remote(lake) or _was_written(Path(delta_uri(table, lake))))


def _was_written(folder: Path) -> bool:
    return bool(commits_of(folder)) or any(folder.glob("*.parquet"))


def _log_damage(folder: Path) -> str | None:
    """What is wrong with the commits since the last checkpoint; older ones are not needed any more."""
    commits = commits_of(folder)
    if not commits:
        return "it has data files, but its log is gone" if any(folder.glob("*.parquet")) else None
    since = max(checkpoints_of(folder), default=-1)
    if since < 0 and min(commits) > 0:
        return f"the first {min(commits)} commits of its log are gone"
    missing = set(range(since + 1, max(commits))) - commits.keys()
    if missing:
        return f"commit {min(missing)} of its log is gone"
    cut = [version for version in sorted(commits) if version > since and not _is_commit(commits[version])]
    return f"commit {cut[0]} of its log is cut or overwritten" if cut else None


def _is_commit(file: Path) -> bool:
    """Whether a file of the log has whole lines, each one action; a commit without any was cut."""
    try:
        actions = [json.loads(line) for line in file.read_bytes().splitlines() if line.strip()]
    except ValueError:
        return False
    return bool(actions) and all(isinstance(action, dict) and action for action in actions)


def _file_damage(found: DeltaTable, folder: Path) -> str | None:
    added = found.get_add_actions(flatten=True)
    sizes = zip(added.column("path").to_pylist(), added.column("size_bytes").to_pylist(), strict=True)
    wrong = [name for path, size in sizes if _size(folder / (name := unquote(path))) != size]
    if not wrong:
        return None
    named = ", ".join(wrong[:_NAMED]) + (f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else "")
    return f"{len(wrong)} of its {added.num_rows} data files are gone or have another size: {named}"


def _size(file: Path) -> int:
    """In bytes; -1 when there is no such file."""
    try:
        return file.stat().st_size
    except OSError:
        return -1
