"""silver.transactions. One row per transaction line, its latest correction.

Key: transaction_id, line_number. Input: bronze tables of all sources that feed it.
Output: silver.transactions, silver.transactions_quarantine.
The greatest `updated_at` wins, whichever file comes first.
"""

from __future__ import annotations

from lakehouse.outcome import TableOutcome
from lakehouse.silver.load import load
from lakehouse.spark.job_command_line import run_from_command_line
from lakehouse.window import BatchWindow


def run(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Load what is new in bronze, or rebuild when `window.is_full`; `target` is the dataset. See
    lakehouse.silver.load."""
    return load(target, window)


def main() -> None:
    run_from_command_line(run, "transactions")


if __name__ == "__main__":
    main()
