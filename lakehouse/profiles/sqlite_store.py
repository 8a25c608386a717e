"""Profiles in a SQLite file: the store of one machine that needs no server."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from lakehouse.profiles.fields import Field
from lakehouse.profiles.loads import PROFILE
from lakehouse.profiles.store import StoreUnavailableError
from lakehouse.utils.atomic_files import make_private_folder

T = TypeVar("T")
_BUSY_SECONDS = 5.0
_TABLE = """
create table if not exists fields (
    customer_id text not null, name text not null, value blob not null, primary key (customer_id, name)
) without rowid, strict
"""
_WRITE = """
insert into fields values (?, ?, ?)
on conflict (customer_id, name) do update set value = excluded.value where excluded.value > value
"""
_READ = "select customer_id, name, value from fields where customer_id in ({})"
# The fields of loads, with the two parts of their name.
_LOADED = """
select
    customer_id, name, substr(name, 1, instr(name, '#') - 1) as kind,
    cast(substr(name, instr(name, '#') + 1) as integer) as generation
from fields
where instr(name, '#') > 0
"""


class SqliteStore:
    """A profile store in a file, which is made with its folder, for its owner only."""

    name = "sqlite"

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._opened: sqlite3.Connection | None = None

    def write(self, fields: Sequence[Field]) -> None:
        """As in ProfileStore."""
        rows = [(field.customer_id, field.name, field.encoded()) for field in fields]
        self._done(lambda connection: connection.executemany(_WRITE, rows))

    async def read(self, customer_ids: Sequence[str]) -> list[Field]:
        """As in ProfileStore. It does not wait: a reader never waits for a writer here."""
        query = _READ.format(", ".join("?" * len(customer_ids)))
        found = self._done(lambda connection: connection.execute(query, tuple(customer_ids)).fetchall())
        return [Field.decoded(*row) for row in found]

    def delete(self, customer_ids: Sequence[str]) -> None:
        """As in ProfileStore."""
        rows = [(customer_id,) for customer_id in customer_ids]
        self._done(lambda connection: connection.executemany("delete from fields where customer_id = ?", rows))

    def gone_since(self, generation: int) -> list[str]:
        """As in ProfileStore."""
        query = f"select customer_id from ({_LOADED}) where kind = ? group by 1 having max(generation) < ?"  # noqa: S608
        found = self._done(lambda connection: connection.execute(query, (PROFILE, generation)).fetchall())
        return [customer_id for (customer_id,) in found]

    def sweep(self, generation: int) -> None:
        """As in ProfileStore."""
        earlier = f"select customer_id, name from ({_LOADED}) where generation < ?"  # noqa: S608 - no value is in it
        query = f"delete from fields where (customer_id, name) in ({earlier})"  # noqa: S608 - no value is in it
        self._done(lambda connection: connection.execute(query, (generation,)))

    async def close(self) -> None:
        """As in ProfileStore."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None  # who uses it again opens it again

    def _done(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._lock, self._connection() as connection:
                return work(connection)
        except sqlite3.Error as error:
            raise StoreUnavailableError(self.name, type(error).__name__) from None

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            make_private_folder(self._file.parent)
            opened = sqlite3.connect(self._file, timeout=_BUSY_SECONDS, check_same_thread=False)
            opened.execute("pragma journal_mode = wal")
            opened.execute("pragma synchronous = normal")
            opened.execute(_TABLE)
            self._opened = opened
        return self._opened
