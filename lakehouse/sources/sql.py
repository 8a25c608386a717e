"""Source kind `sql`: a table or view of any SQLAlchemy database, read by dlt in chunks over a server-side cursor.

The upper end of an increment is fixed before the first row is read, and the rows come from one statement: one
consistent high-water mark a load, whatever is written meanwhile. What was committed late is found by the next load's
lookback. A value that cannot be read as the type of its column comes as text, and costs its row at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from dlt.sources.sql_database.helpers import TableLoader
from sqlalchemy import exc

from lakehouse.config.feeds import Feed
from lakehouse.config.source_models import SqlDataset, SqlSource
from lakehouse.errors import ContractError, SourceUnavailableError, TerminalError
from lakehouse.landing.incremental_load import IncrementalLoad
from lakehouse.landing.ledger import Ledger
from lakehouse.landing.watermark import interval, moment_of
from lakehouse.outcome import TableOutcome
from lakehouse.sources.connections import database
from lakehouse.sources.sqlite import Stored, as_texts, read_as_stored
from lakehouse.utils.foreign_errors import kind_of
from lakehouse.window import BatchWindow


def land_table(feed: Feed, ledger: Ledger, window: BatchWindow) -> TableOutcome:
    """Land the rows of the feed's table: all of them, those from the last watermark on, or for a backfill those of its
    window.

    Raises SourceUnavailableError when the database cannot be reached, ContractError when table or columns are not
    there.
    """
    declared = feed.declaration
    assert isinstance(feed.origin, SqlSource)
    assert isinstance(declared, SqlDataset)
    name = f"{declared.db_schema}.{declared.table}" if declared.db_schema else declared.table
    with _engine(feed) as engine:
        table = _reflect(feed, engine, declared)
        watermark = table.c.get(declared.watermark) if declared.watermark else None
        again = _interval_again(watermark, window)
        with IncrementalLoad(feed, ledger, name, window.is_full, is_backfill=again is not None) as load:
            load.check_columns(feed.mapped_columns, list(table.c.keys()))
            conditions = again if again is not None else _increment(engine, watermark, load, feed.timezone)
            return (
                load.finish()
                if conditions is None
                else _read(engine, table, watermark, conditions, declared.chunk_rows, load)
            )


def _read(
    engine: sa.Engine,
    table: sa.Table,
    watermark: sa.Column[Any] | None,
    conditions: list[Any],
    chunk_rows: int,
    load: IncrementalLoad,
) -> TableOutcome:
    """Land the rows for which all conditions hold, chunk by chunk."""

    def bounded(_: Any, __: Any) -> Any:
        return sa.select(*table.c).select_from(table).where(*conditions)

    loader = TableLoader(engine, "sqlalchemy", table, {}, chunk_size=chunk_rows, query_adapter_callback=bounded)
    for records in loader.load_rows():
        load.add(
            records, [record[watermark.name] for record in records] if watermark is not None else [None] * len(records)
        )
    return load.finish()


def _interval_again(watermark: sa.Column[Any] | None, window: BatchWindow) -> list[Any] | None:
    """Conditions for the rows of a backfill's window; None where there is no backfill, or the watermark is not
    a time."""
    if watermark is None or not window.is_backfill or window.is_full:
        return None
    stored = watermark.type if isinstance(watermark.type, Stored) else None
    if stored is not None:
        kind: type = datetime if stored.is_time else str
    else:
        kind = watermark.type.python_type
    bounds = interval(window, kind, getattr(watermark.type, "timezone", False))
    if bounds is None:
        return None
    start, end = as_texts(*bounds) if stored is not None else bounds
    return [watermark >= start, watermark < end]


def _increment(
    engine: sa.Engine, watermark: sa.Column[Any] | None, load: IncrementalLoad, timezone: str
) -> list[Any] | None:
    """Conditions for the rows that are new: none for a table read whole; None when no row has a watermark.

    An upper end beyond now is none: rows that are committed meanwhile come now or with the next load.
    """
    if watermark is None:
        return []
    upper = _upper_end(engine, watermark, load)
    if upper is None:
        return None
    moment = moment_of(upper, timezone)
    is_usable = type(upper) is not str or isinstance(watermark.type, (sa.String, Stored))  # not `infinity` of a time
    is_over = is_usable and (moment is None or moment <= load.started_at)
    bounds = [watermark <= upper] if is_over else [watermark.is_not(None)]
    return bounds if load.start is None else [*bounds, watermark >= load.start]


def _upper_end(engine: sa.Engine, watermark: sa.Column[Any], load: IncrementalLoad) -> Any:
    """Highest watermark in the table now; None when it has none. Rows without one are counted, at every load."""
    with engine.connect() as connection:
        hidden = connection.execute(
            sa.select(sa.func.count()).select_from(watermark.table).where(watermark.is_(None))
        ).scalar_one()
        if hidden:
            load.warn(
                f"{hidden} rows have no {watermark.name} and are never read; fill it in the source, read a view that"
                " does (coalesce with the time of creation), or use load: full"
            )
        return connection.execute(sa.select(sa.func.max(watermark))).scalar_one()


def _reflect(feed: Feed, engine: sa.Engine, declared: SqlDataset) -> sa.Table:
    try:
        table = sa.Table(
            declared.table,
            sa.MetaData(),
            schema=declared.db_schema,
            autoload_with=engine,
            resolve_fks=False,
            listeners=[("column_reflect", read_as_stored)],
        )
    except exc.NoSuchTableError:
        problem = f"source {feed.source} has no table or view {declared.table}"
        raise ContractError(
            feed.dataset, problem, "Correct `table` and `schema` in sources.yml, or grant the reader access."
        ) from None
    if declared.columns is None:
        return table
    unknown = [name for name in declared.columns if name not in table.c]
    if unknown:
        problem = f"table {declared.table} of source {feed.source} has no columns {', '.join(unknown)}"
        raise ContractError(feed.dataset, problem, "Correct `columns` in sources.yml.")
    return sa.Table(
        declared.table,
        sa.MetaData(),
        *(sa.Column(name, table.c[name].type) for name in declared.columns),
        schema=declared.db_schema,
    )


@contextmanager
def _engine(feed: Feed) -> Iterator[sa.Engine]:
    """The engine of the feed's database; its errors are raised as errors of this project, without the statement's
    values."""
    assert isinstance(feed.origin, SqlSource)
    engine = database(feed.source, feed.origin)
    url = engine.url
    try:
        yield engine
    except (exc.OperationalError, exc.InterfaceError) as error:
        remedy = f"Check that {_place(url)} is up and lets {url.username or 'this user'} in, then run again."
        raise SourceUnavailableError(
            feed.source, f"{url.get_backend_name()} database: {_words_of(error)}", remedy
        ) from None
    except exc.SQLAlchemyError as error:
        raise TerminalError(
            f"source {feed.source}: the database refused: {_words_of(error)}",
            "Check grants and the declaration in sources.yml.",
        ) from None
    finally:
        engine.dispose()


def _place(url: sa.URL) -> str:
    """Where a database is, as far as its URL says: without a host it is this machine's socket, or a file."""
    host = url.host or url.query.get("host")
    if not host:
        return f"the database {url.database}" if url.database else "the database"
    return f"{host}:{url.port}" if url.port else str(host)


def _words_of(error: exc.SQLAlchemyError) -> str:
    """What the driver says while it connects; once a statement ran, its text may hold values, and its kind is told."""
    cause = getattr(error, "orig", None) or error
    has_asked = not isinstance(error, exc.DBAPIError) or error.statement is not None
    lines = str(cause).strip().splitlines()
    return kind_of(cause) if has_asked or not lines else lines[0]
