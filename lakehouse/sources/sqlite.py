"""What is peculiar to SQLite: a database is a file, which comes into being when it is connected to."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa


def missing_file(url: sa.URL) -> Path | None:
    """The file of a SQLite database that is not there; None when it is, and for every other kind of database."""
    if url.get_backend_name() != "sqlite" or not url.database or ":memory:" in url.database:
        return None
    path = Path(url.database.removeprefix("file:")).absolute()
    return None if path.exists() else path
