"""What is peculiar to SQLite: a database is a file, which comes into being when it is connected to, and times are
texts.

SQLAlchemy compares a column declared as a time with texts of its own form, 2017-01-01 10:00:00.000000. Where the rows
say 2017-01-01T10:00:00Z or only whole seconds, that order is another one and rows would be missed: here texts stay what
they are.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa


class TimeText(sa.Text):
    """A column declared as a time; its values are the texts they were written as."""


def keep_times_as_text(inspector: sa.Inspector, _: sa.Table, column: Any) -> None:
    """Listener of a reflected column: gives times of SQLite their true type."""
    if inspector.dialect.name == "sqlite" and isinstance(column["type"], sa.DateTime):
        column["type"] = TimeText()


def as_texts(start: datetime, end: datetime) -> tuple[str, str]:
    """[start, end) as texts: a blank sorts before T, so times written in either form are within."""
    return start.isoformat(" "), end.isoformat("T")


def missing_file(url: sa.URL) -> Path | None:
    """The file of a SQLite database that is not there; None when it is, and for every other kind of database."""
    if url.get_backend_name() != "sqlite" or not url.database or ":memory:" in url.database:
        return None
    path = Path(url.database.removeprefix("file:")).absolute()
    return None if path.exists() else path
