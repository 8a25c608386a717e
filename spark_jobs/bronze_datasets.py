"""bronze.<source>_<dataset>. One row per delivered record, as received, all columns strings; append only.

Input: landed Parquet files. Output: one table per source that feeds the dataset. Each landed file is loaded exactly
once.
"""

from __future__ import annotations

from lakehouse.bronze.load import append_landed
from lakehouse.config.feeds import feeds
from lakehouse.outcome import TableOutcome
from lakehouse.spark.job_command_line import run_from_command_line
from lakehouse.window import BatchWindow


def run(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Append the new landed files of every feed of the dataset `target`; one outcome per bronze table. See
    lakehouse.bronze.load."""
    return [append_landed(feed, window) for feed in feeds(target)]


def main() -> None:
    run_from_command_line(run)


if __name__ == "__main__":
    main()
