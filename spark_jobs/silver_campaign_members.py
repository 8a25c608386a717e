"""silver.campaign_members. One row per campaign and customer reference.

Key: campaign_id, reference_type, customer_reference. Input: bronze tables of all sources that feed it.
Output: silver.campaign_members, silver.campaign_members_quarantine.
Who was a recipient.
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
    run_from_command_line(run, "campaign_members")


if __name__ == "__main__":
    main()
