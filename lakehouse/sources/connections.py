"""What a database or an API is asked with: its URL and credentials, with their references resolved. Nothing here
connects.

A run and the doctor both ask here, so they miss the same things in the same words. What is wrong is said without the
text itself: the parts of a URL that cannot be parsed may be parts of a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy import exc

from lakehouse.config.environment_text import EnvironmentText
from lakehouse.config.source_models import FilesSource, RestSource, SqlSource
from lakehouse.errors import ConfigurationError, SourceUnavailableError, TerminalError
from lakehouse.formats.values import parse_json
from lakehouse.sources.postgresql import keep_unreadable_times
from lakehouse.sources.sqlite import keep_unreadable_text, missing_file

_CONNECT_SECONDS = 10
# Called with every new connection of the driver: makes it return values that it would otherwise refuse, and the table
# with them.
_ON_CONNECT = {"sqlite": keep_unreadable_text, "psycopg": keep_unreadable_times}
# Databases where a statement of several seconds sees later commits at the default isolation level.
_SNAPSHOT_DIALECTS = ("postgresql", "mysql", "mariadb")
_ENCODED = "; signs such as @ : / in a user or password are written as %40 %3A %2F"


def check_connection(name: str, source: FilesSource | SqlSource | RestSource) -> None:
    """Raises the error that a run would end with before it has asked the source anything: a variable, a URL or a driver
    is wrong or missing."""
    match source:
        case SqlSource():
            database(name, source).dispose()
        case RestSource():
            base_url(name, source)
            for value in _values_asked_with(source):
                value.resolve()
        case FilesSource(location=location):
            location.resolve()


def _values_asked_with(source: RestSource) -> Iterator[EnvironmentText]:
    yield from (value for _, value in source.auth or () if isinstance(value, EnvironmentText))
    yield from source.headers.values()
    for declared in source.datasets.values():
        yield from declared.params.values()


def database(name: str, source: SqlSource) -> sa.Engine:
    """An engine for a repeatable read; it connects when it is used.

    Raises ConfigurationError for a variable that is not set and a URL that is wrong, TerminalError for a driver that is
    not installed, SourceUnavailableError for a database that is a file and not there.
    """
    written = source.url
    text = written.resolve()
    try:
        url = sa.make_url(text)
        options: dict[str, Any] = {}
        if url.get_backend_name() == "postgresql":  # JSON with its numbers as they were written
            options = {"connect_args": {"connect_timeout": _CONNECT_SECONDS}, "json_deserializer": parse_json}
        if url.get_backend_name() in _SNAPSHOT_DIALECTS:
            options["isolation_level"] = "REPEATABLE READ"
        engine = sa.create_engine(url, poolclass=sa.NullPool, **options)
        if tell := _ON_CONNECT.get(url.get_backend_name()) or _ON_CONNECT.get(engine.dialect.driver):
            sa.event.listen(engine, "connect", lambda connection, _: tell(connection))
    except exc.NoSuchModuleError as error:
        raise ConfigurationError(
            written.file, written.line, f"the URL of source {name} is wrong: {error}", "a SQLAlchemy URL"
        ) from None
    except (exc.ArgumentError, ValueError):
        problem = f"the URL of source {name} cannot be parsed"
        expected = "a SQLAlchemy URL, e.g. postgresql+psycopg://reader:${DB_PASSWORD}@host:5432/crm" + _ENCODED
        raise ConfigurationError(written.file, written.line, problem, expected) from None
    except ImportError as error:
        raise TerminalError(
            f"source {name}: its database driver is not installed ({error})",
            "Install the driver into the environment that lakehouse runs in.",
        ) from None
    if missing := missing_file(url):
        raise SourceUnavailableError(
            name, f"the database {missing} does not exist", "Have it delivered, or correct `url` in sources.yml."
        )
    return engine


def base_url(name: str, source: RestSource) -> str:
    """The URL that the paths of an API are below; ConfigurationError for a variable that is not set and a URL that is
    none."""
    written = source.base_url
    text = written.resolve()
    try:
        parts = urlsplit(text)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        expected = "an address like https://host/api" + _ENCODED
        raise ConfigurationError(
            written.file, written.line, f"the base URL of source {name} cannot be parsed", expected
        )
    return text
