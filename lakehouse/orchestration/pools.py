"""Airflow pools: one writer per table.

All tables of a dataset (landing files, bronze, silver, quarantine) are written by one chain of tasks, so one slot per
dataset keeps every one of them to a single writer, whichever DAG the chain belongs to, while datasets run side by side.
Gold has as many slots as model tasks may run at once: dbt orders them and each writes a table of its own; what
writes all of gold takes every slot.
"""

from __future__ import annotations

from lakehouse.contracts import DATASETS

GOLD_SLOTS = 2
GOLD = "write_gold"
IDENTITIES = "write_identities"
EXPORTS = "write_exports"
PROFILES = "write_profiles"


def dataset_pool(dataset: str) -> str:
    """Name of the pool every task that writes a table of the dataset runs in."""
    return f"write_{dataset}"


# pool name -> (slots, description shown in Airflow)
POOLS: dict[str, tuple[int, str]] = {
    **{dataset_pool(name): (1, f"one writer for landing, bronze and silver of {name}") for name in DATASETS},
    IDENTITIES: (1, "one writer for silver.identities"),
    GOLD: (GOLD_SLOTS, "models side by side, each writing its own table; a build of all gold takes every slot"),
    EXPORTS: (1, "one export at a time"),
    PROFILES: (1, "one writer for the profile store"),
}
