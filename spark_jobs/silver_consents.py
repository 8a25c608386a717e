"""silver.consents. One row per customer reference, channel, purpose and change of permission: the full history.

Key: reference_type, customer_reference, channel, purpose, changed_at, status. Input: bronze tables of all sources that
feed it. Output: silver.consents, silver.consents_quarantine. Nothing is ever replaced: a later change is a row of its
own.
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
    run_from_command_line(run, "consents")


if __name__ == "__main__":
    main()
