"""Silver tables of datasets that no source has delivered: empty, but there, so that gold can be built from the
others."""

from __future__ import annotations

from lakehouse.contracts import CONTACT_IDENTIFIERS, DATASETS, Column
from lakehouse.storage.commit_retry import retry_commit
from lakehouse.storage.progress import has_progress
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, silver


def ensure_silver_tables(lake: str) -> None:
    """Leave a table, empty where need be, for every dataset that was never loaded; with all columns of today's
    contracts.

    A table that was loaded is not touched, and not created again when it is gone: an empty one would hide that its rows
    are lost. Safe beside a first load of the same table. Raises CommitConflictError.
    """
    for contract in DATASETS.values():
        table = silver(contract.dataset)
        if Table(table, lake).is_never_loaded and not has_progress(table, lake):
            _ensure(table, contract.stored, lake)
            if contract.dataset == "contacts":
                _ensure(silver(CONTACT_IDENTIFIERS.dataset), CONTACT_IDENTIFIERS.columns, lake)


def _ensure(table: TableRef, columns: tuple[Column, ...], lake: str) -> None:
    retry_commit(table, lambda: Table(table, lake).ensure(columns))
