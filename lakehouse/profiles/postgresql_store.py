"""Profiles in PostgreSQL: a row per field. Keys are bytes, so that no collation and no NUL can be in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import psycopg

from lakehouse.profiles.fields import Field
from lakehouse.profiles.loads import PROFILE, field_name
from lakehouse.profiles.store import StoreUnavailableError

T = TypeVar("T")
_READ_SECONDS = 0.25
_CONNECT_SECONDS = 2
_ROWS = 20_000
_COPIED = 2_000  # so many rows are copied
_COPY = "copy profile_fields from stdin (format binary)"
_TABLE = """
create table if not exists profile_fields (
    customer_id bytea not null, name bytea not null, value bytea not null, primary key (customer_id, name)
)
"""
# Bytes compare byte by byte, most significant first: the rule which write counts.
_WRITE = """
insert into profile_fields
select * from unnest(%b::bytea[], %b::bytea[], %b::bytea[])
on conflict (customer_id, name) do update set value = excluded.value where excluded.value > profile_fields.value
"""
_READ = "select customer_id, name, value from profile_fields where customer_id = any(%b::bytea[])"
_GONE = """
select customer_id from profile_fields where name >= %b and name < %b
except
select customer_id from profile_fields where name = %b
"""
_SWEEP = r"""
delete from profile_fields
where position('\x23'::bytea in name) > 0 and substr(name, position('\x23'::bytea in name) + 1) < %b
"""


class PostgresqlStore:
    """A profile store in a database; its table `profile_fields` is made with the first write.

    Args:
        url: `postgresql://`, with its password.
    """

    name = "postgresql"

    def __init__(self, url: str) -> None:
        self._url = url
        self._writer: psycopg.Connection[Any] | None = None
        self._reader: psycopg.AsyncConnection[Any] | None = None
        self._one_at_a_time = asyncio.Lock()

    def write(self, fields: Sequence[Field]) -> None:
        """As in ProfileStore."""
        newest: dict[tuple[bytes, bytes], bytes] = {}
        for field in fields:
            key, value = (_bytes(field.customer_id), field.name.encode()), field.encoded()
            newest[key] = max(newest.get(key, b""), value)
        keys = sorted(newest)  # in one order, so that two writers never wait for each other
        for start in range(0, len(keys), _ROWS):
            part = keys[start : start + _ROWS]
            columns = ([key for key, _ in part], [name for _, name in part], [newest[key] for key in part])
            self._done(partial(_write, columns))

    async def read(self, customer_ids: Sequence[str]) -> list[Field]:
        """As in ProfileStore."""
        keys = [_bytes(customer_id) for customer_id in customer_ids]
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(_READ_SECONDS if self._reader else _CONNECT_SECONDS):
                    rows = await self._rows(keys)
            except (psycopg.Error, OSError, TimeoutError) as error:
                await self._forget_reader()
                raise StoreUnavailableError(self.name, type(error).__name__) from None
        return [Field.decoded(_text(key), name.decode(), value) for key, name, value in rows]

    def delete(self, customer_ids: Sequence[str]) -> None:
        """As in ProfileStore."""
        keys = [_bytes(customer_id) for customer_id in customer_ids]
        statement = "delete from profile_fields where customer_id = any(%b::bytea[])"
        self._done(lambda connection: connection.execute(statement, (keys,)))

    def gone_since(self, generation: int) -> list[str]:
        """As in ProfileStore."""
        now = field_name(PROFILE, generation).encode()
        first = field_name(PROFILE, 0).encode()
        found = self._done(lambda connection: connection.execute(_GONE, (first, now, now), binary=True).fetchall())
        return [_text(key) for (key,) in found]

    def sweep(self, generation: int) -> None:
        """As in ProfileStore."""
        now = field_name("", generation).removeprefix("#").encode()
        self._done(lambda connection: connection.execute(_SWEEP, (now,)))

    async def close(self) -> None:
        """As in ProfileStore."""
        await self._forget_reader()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _done(self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        try:
            if self._writer is None or self._writer.closed:
                self._writer = psycopg.connect(self._url, autocommit=True, connect_timeout=_CONNECT_SECONDS)
                self._writer.execute(_TABLE)
            return work(self._writer)
        except psycopg.Error as error:
            raise StoreUnavailableError(self.name, type(error).__name__) from None

    async def _rows(self, keys: list[bytes]) -> list[tuple[bytes, bytes, bytes]]:
        if self._reader is None:
            self._reader = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        try:
            cursor = await self._reader.execute(_READ, (keys,), binary=True, prepare=True)
        except psycopg.errors.UndefinedTable:
            return []
        return await cursor.fetchall()

    async def _forget_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()


def _write(columns: tuple[list[bytes], ...], connection: psycopg.Connection[Any]) -> None:
    """Write rows. Many of them are mostly those of a new load, none of which is there: they are copied, which takes a
    third of the time; if one is there all the same, none of them was."""
    if len(columns[0]) >= _COPIED:
        try:
            with connection.transaction(), connection.cursor().copy(_COPY) as copy:
                copy.set_types(["bytea"] * len(columns))
                for row in zip(*columns, strict=True):
                    copy.write_row(row)
            return
        except psycopg.errors.UniqueViolation:
            pass
    connection.execute(_WRITE, columns)


def _bytes(customer_id: str) -> bytes:
    return customer_id.encode("utf-8", "surrogatepass")


def _text(customer_id: bytes) -> str:
    return bytes(customer_id).decode("utf-8", "surrogatepass")
