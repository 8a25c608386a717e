"""Silver tables of datasets that nobody has delivered: empty, but there, so that gold can be built from the others."""

from __future__ import annotations

from functools import partial

from lakehouse.contracts import CONTACT_IDENTIFIERS, DATASETS, Column
from lakehouse.silver.delivery import silver_columns
from lakehouse.storage.commit_retry import retry_commit
from lakehouse.storage.progress import has_progress
from lakehouse.storage.reader import open_table
from lakehouse.storage.schema import ensure_table
from lakehouse.tables import TableRef, silver

# Operations in a Delta log that bring no rows, as delta-rs names them.
_WITHOUT_ROWS = frozenset({"CREATE TABLE", "ADD COLUMN"})


def ensure_silver_tables(lake: str) -> None:
    """Leave a table, empty where need be, for every dataset that was never loaded; with all columns of today's
    contracts.

    A table that was loaded is not touched, and not made again when it is gone: an empty one would hide that its rows
    are lost. Safe beside a first load of the same table. Raises CommitConflictError.
    """
    for contract in DATASETS.values():
        table = silver(contract.dataset)
        if is_never_loaded(table, lake) and not has_progress(table, lake):
            retry_commit(table, partial(_ensure, table, silver_columns(contract), lake))
            if contract.dataset == "contacts":
                named = silver(CONTACT_IDENTIFIERS.dataset)
                retry_commit(named, partial(_ensure, named, CONTACT_IDENTIFIERS.columns, lake))


def _ensure(table: TableRef, columns: tuple[Column, ...], lake: str) -> None:
    ensure_table(table, columns, lake)


def is_never_loaded(table: TableRef, lake: str) -> bool:
    """Whether the table does not exist, or exists and no commit has ever brought a row."""
    found = open_table(table, lake)
    return found is None or (
        not found.file_uris() and all(commit.get("operation") in _WITHOUT_ROWS for commit in found.history())
    )
