"""silver.contacts. One row per contact of a CRM, its latest version.

Key: contact_id. Input: bronze tables of all sources that feed it.
Output: silver.contacts, silver.contacts_quarantine, silver.contact_identifiers (see
lakehouse.silver.contact_identifiers). `email_normalised` is derived; a contact that the newest full dump lacks is
flagged `_is_deleted`.
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
    run_from_command_line(run, "contacts")


if __name__ == "__main__":
    main()
