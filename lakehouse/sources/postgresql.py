"""What is peculiar to PostgreSQL: times that Python has no value for (infinity, 4713 BC, 24:00), which come as text."""

from __future__ import annotations

from typing import Any

_TYPES = ("date", "time", "timetz", "timestamp", "timestamptz", "interval")


def keep_unreadable_times(connection: Any) -> None:
    """Have a psycopg connection return a time that Python cannot hold as the text that the server sends, instead of
    refusing the table."""
    from psycopg.adapt import Loader
    from psycopg.errors import DataError

    def lenient(known: type[Any]) -> type[Loader]:
        class Lenient(Loader):
            def __init__(self, oid: int, context: Any = None) -> None:
                super().__init__(oid, context)
                self._known = known(oid, context)

            def load(self, data: Any) -> Any:
                try:
                    return self._known.load(data)
                except (DataError, ValueError, OverflowError):
                    return bytes(data).decode()

        return Lenient

    for name in _TYPES:
        oid = connection.adapters.types[name].oid
        known = connection.adapters.get_loader(oid, Loader.format)
        connection.adapters.register_loader(oid, lenient(known))
