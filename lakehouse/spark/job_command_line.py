"""The command line of a silver or bronze job, for spark-submit and other schedulers than Airflow."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from lakehouse.config.settings import environment_secrets, settings
from lakehouse.outcome import TableOutcome
from lakehouse.storage.layout_version import prepare_layout
from lakehouse.utils.atomic_files import keep_new_files_private
from lakehouse.utils.log_records import clean_log_records
from lakehouse.utils.work_record import recorded_work
from lakehouse.window import BatchWindow

_log = logging.getLogger(__name__)


def run_from_command_line(run: Callable[[str, BatchWindow], list[TableOutcome]], target: str | None = None) -> None:
    """Parse --start --end --run-id --full and --dataset (unless the job has one `target`), run, and log the outcome."""
    parser = argparse.ArgumentParser(description="Run one job of the lakehouse on a window of time.")
    if target is None:
        parser.add_argument("--dataset", required=True, help="dataset to work on, e.g. contacts")
    parser.add_argument("--start", type=_time, required=True, help="start of the window, ISO 8601")
    parser.add_argument("--end", type=_time, required=True, help="end of the window, ISO 8601")
    parser.add_argument("--run-id", required=True, help="name of the run, kept in lineage columns")
    parser.add_argument("--full", action="store_true", help="rebuild from all inputs instead of adding what is new")
    chosen = parser.parse_args()
    keep_new_files_private()
    clean_log_records(environment_secrets())
    logging.basicConfig(level=logging.INFO)
    window = BatchWindow.of(chosen.start, chosen.end, chosen.run_id, is_full=chosen.full)
    prepare_layout(window, settings().lake)
    with recorded_work(settings().work, f"a job of run {chosen.run_id}"):
        outcomes = run(target or chosen.dataset, window)
    for outcome in outcomes:
        counts = (outcome.read, outcome.loaded, outcome.quarantined, outcome.duplicates)
        _log.info("%s: %d rows read, %d loaded, %d quarantined, %d duplicates", outcome.table, *counts)


def _time(text: str) -> datetime:
    """ISO 8601; UTC when it names no zone."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
