"""Trying a commit again when another writer was first: each time from a fresh read, never half-applied."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from lakehouse.errors import CommitConflictError
from lakehouse.spark.guard import guarded
from lakehouse.tables import TableRef

T = TypeVar("T")
_log = logging.getLogger(__name__)
_ATTEMPTS = 4
_FIRST_WAIT_SECONDS = 0.2


def committed(table: TableRef, attempt: Callable[[], T]) -> T:
    """Run `attempt`, which reads what it depends on and commits once; repeat it when the commit loses its race.

    Raises CommitConflictError after the last attempt and the engine's errors (see lakehouse.spark.guard) at once.
    """
    for number in range(1, _ATTEMPTS + 1):
        try:
            with guarded(str(table)):
                return attempt()
        except CommitConflictError as error:
            if number == _ATTEMPTS:
                raise CommitConflictError(str(table), _ATTEMPTS) from error
            _log.warning("%s: another writer committed first, attempt %d of %d follows", table, number + 1, _ATTEMPTS)
            time.sleep(_FIRST_WAIT_SECONDS * 2 ** (number - 1) * (1 + random.random()))  # noqa: S311 - spreads the writers, no secret
    raise AssertionError("unreachable: the loop returns or raises")
