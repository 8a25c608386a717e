"""Log records of this process and its forks, whoever writes them: no secret, no address, no text of a foreign error.

Done where records are made, so that it holds for every logger and handler, also for those that a library sets up later.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable
from typing import Any

from lakehouse.errors import LakehouseError
from lakehouse.messages import printable, remember_secrets, without_secrets, without_values
from lakehouse.utils.foreign_errors import kind_of

OURS = ("lakehouse", "spark_jobs", "dags", "expectations")
_DBT = ("stdout_log", "file_log", "dbt")  # passes on what an engine says


def clean_log_records(secrets: Iterable[str]) -> None:
    """Clean every log record that is made from now on, of these secrets too; called by each program that logs."""
    remember_secrets(secrets)
    make = logging.getLogRecordFactory()
    if isinstance(make, _CleanRecords):
        return
    logging.setLogRecordFactory(_CleanRecords(make))


class _CleanRecords:
    """A factory of log records that cleans those of another one."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *args: Any, **named: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*args, **named)
        if not isinstance(record.name, str):  # an empty record that a copy of another one is made of
            return record
        try:
            text = record.getMessage()
        except (TypeError, ValueError, KeyError):  # arguments that do not fit: logging itself says so
            return record
        record.msg, record.args = _cleaned(text, record), None
        if record.exc_info and record.exc_info[1] is not None:
            record.msg += "\n" + without_secrets(_shown_error(record.exc_info[1]))
            record.exc_info = None
        return record


def _cleaned(text: str, record: logging.LogRecord) -> str:
    room = record.name.partition(".")[0]
    if room in OURS:  # one line, unless the program itself writes more: a name must not forge a second one
        return printable(without_secrets(text), "\n\t" if "\n" in str(record.msg) else "")
    if room in _DBT and record.levelno >= logging.WARNING:
        text = without_values(text)
    return printable(without_secrets(text, all_queries=True), "\n\t")


def _shown_error(error: BaseException) -> str:
    """An error with its lines of code: with its text when it is ours, else with what can be said of it."""
    said = f"{type(error).__name__}: {error}" if isinstance(error, LakehouseError) else kind_of(error)
    return "".join(traceback.format_tb(error.__traceback__)) + said
