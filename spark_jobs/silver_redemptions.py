"""silver.redemptions. One row per redemption of a coupon.

Key: redemption_id. Input: bronze tables of all sources that feed it.
Output: silver.redemptions, silver.redemptions_quarantine.
The greatest `redeemed_at` wins.
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
    run_from_command_line(run, "redemptions")


if __name__ == "__main__":
    main()
