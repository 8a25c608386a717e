"""Commits of the engine: guarded against a dead or full engine, and retried when another writer was first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lakehouse.spark.guard import guarded
from lakehouse.storage.commit_retry import retry_commit
from lakehouse.tables import TableRef

T = TypeVar("T")
_ATTEMPTS = 4  # each may compute for minutes


def committed(table: TableRef, attempt: Callable[[], T]) -> T:
    """Run `attempt`, which reads what it depends on and commits once; repeat it when the commit loses its race.

    Raises:
        CommitConflictError: another writer was first at every attempt.
        EngineUnavailableError, EngineMemoryError: at once; see lakehouse.spark.guard.
    """

    def guarded_attempt() -> T:
        with guarded(str(table)):
            return attempt()

    return retry_commit(table, guarded_attempt, _ATTEMPTS)
