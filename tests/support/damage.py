"""Ways in which a Delta table on disk is damaged, as functions of its folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from deltalake import DeltaTable

Damage = Callable[[Path], None]


def lose_a_file(table: Path) -> None:
    """Delete the newest data file that the table still uses."""
    _newest_file(table).unlink()


def cut_a_file(table: Path) -> None:
    """Leave ten bytes of the newest data file that the table still uses."""
    os.truncate(_newest_file(table), 10)


def cut_the_newest_commit(table: Path) -> None:
    """Leave half of the newest commit."""
    newest = commits(table)[-1]
    os.truncate(newest, newest.stat().st_size // 2)


def empty_the_newest_commit(table: Path) -> None:
    """Leave nothing of the newest commit."""
    os.truncate(commits(table)[-1], 0)


def lose_a_commit(table: Path) -> None:
    """Delete a commit before the newest one."""
    commits(table)[-2].unlink()


def lose_the_log(table: Path) -> None:
    """Delete the whole log."""
    shutil.rmtree(table / "_delta_log")


def commits(table: Path) -> list[Path]:
    """The commits in the log, oldest first."""
    return sorted((table / "_delta_log").glob("*.json"))


def _newest_file(table: Path) -> Path:
    return max(map(Path, DeltaTable(str(table)).file_uris()), key=lambda path: path.stat().st_mtime_ns)


OF_LOGS: list[Damage] = [cut_the_newest_commit, empty_the_newest_commit, lose_a_commit, lose_the_log]
OF_FILES: list[Damage] = [lose_a_file, cut_a_file]
