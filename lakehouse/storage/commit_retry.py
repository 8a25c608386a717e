"""Retrying a commit to a Delta table when another writer was first: each time from a fresh read, never half-applied."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from deltalake.exceptions import CommitFailedError

from lakehouse.errors import CommitConflictError
from lakehouse.tables import TableRef

T = TypeVar("T")
_log = logging.getLogger(__name__)
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 1.0


def retry_commit(table: TableRef, attempt: Callable[[], T], attempts: int = 8) -> T:
    """Run `attempt` again while its commit loses the race against another writer.

    Args:
        table: the table that is written, for errors and the log.
        attempt: reads what it depends on and commits once; a lost race is CommitFailedError (delta-rs) or
            CommitConflictError.
        attempts: how often to try in all; fewer where each one computes for long.

    Returns:
        What `attempt` returned.

    Raises:
        CommitConflictError: the last attempt lost its race too. Any other error of `attempt` is raised at once.
    """
    number = 1
    while True:
        try:
            return attempt()
        except (CommitFailedError, CommitConflictError):
            if number == attempts:
                raise CommitConflictError(str(table), attempts) from None
        _log.info("%s: another writer committed first, attempt %d of %d follows", table, number + 1, attempts)
        pause = min(_FIRST_WAIT_SECONDS * 2 ** (number - 1), _LONGEST_WAIT_SECONDS)
        time.sleep(pause * (1 + random.random()))  # noqa: S311 - spreads the writers, no secret
        number += 1
