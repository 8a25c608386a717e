"""What is peculiar to SQLite: a database is a file, which comes into being when it is connected to, and a column holds
whatever was written, whatever type it was declared with.

Values are read as they are stored. SQLAlchemy would make true of an 'f' in a column declared as boolean, refuse a table
for one date that is none, and compare times with texts of its own form, 2017-01-01 10:00:00.000000: where the rows say
2017-01-01T10:00:00Z or only whole seconds, that order is another one and rows would be missed.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa


class Stored(sa.types.NullType):
    """A column whose values come as they are stored; `is_time` when it was declared as a date or a time."""

    def __init__(self, is_time: bool = False) -> None:
        super().__init__()
        self.is_time = is_time


def read_as_stored(inspector: sa.Inspector, _: sa.Table, column: Any) -> None:
    """Listener of a reflected column: takes SQLite's declared types for what they are, remarks."""
    if inspector.dialect.name == "sqlite":
        column["type"] = Stored(isinstance(column["type"], (sa.DateTime, sa.Date)))


def keep_unreadable_text(connection: Any) -> None:
    """Have a SQLite connection of the driver return text that is not UTF-8 with its bytes as surrogates, instead of
    refusing the table."""
    connection.text_factory = lambda text: text.decode(errors="surrogateescape")


def as_texts(start: datetime, end: datetime) -> tuple[str, str]:
    """[start, end) as texts: a blank sorts before T, so times written in either form are within."""
    return start.isoformat(" "), end.isoformat("T")


def missing_file(url: sa.URL) -> Path | None:
    """The file of a SQLite database that is not there; None when it is, and for every other kind of database."""
    if url.get_backend_name() != "sqlite" or not url.database or ":memory:" in url.database:
        return None
    path = Path(url.database.removeprefix("file:")).absolute()
    return None if path.exists() else path
