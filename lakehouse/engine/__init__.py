"""The warm engine (sail or spark): a session with it, names for its tables, and work guarded against its death.

`lakehouse.engine.control` starts and stops it. pyspark is imported only when a session is asked for.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lakehouse.tables import Layer, TableRef

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def session(autostart: bool = True) -> SparkSession:
    """The Spark Connect session of this process with the engine that the settings name.

    Time zone UTC; every Delta table of the lake is known as `<layer>.<table>`, also one that appeared since the last call.
    Cached per process, safe after a fork, connected anew when the engine was restarted: call it again rather than keeping
    it. `autostart` starts the supervised engine when none runs. Do not stop() it: all clients share the session.

    Raises EngineUnavailableError when there is no engine and ConfigurationError when another kind runs in this home.
    """
    from lakehouse.engine.connect import open_session

    return open_session(autostart)


def register(spark: SparkSession, table: TableRef) -> None:
    """Make a table known by its name after its first write. Raises LookupError when nothing was written there yet."""
    from lakehouse.engine.connect import remember
    from lakehouse.engine.registration import is_on_disk, name_table
    from lakehouse.settings import settings

    lake = settings().lake
    if not is_on_disk(table, lake):
        raise LookupError(f"there is no Delta table {table} at {table.location(lake)}")
    name_table(spark, table, lake)
    remember(table)


def forget_missing(layer: Layer) -> None:
    """Take away the names of tables whose folders somebody removed while the engine ran: a query by such a name only fails.

    For the one writer of the layer, before it writes: a table that is being made has a name and no commit yet.
    """
    from lakehouse.engine.connect import forget
    from lakehouse.engine.registration import named_tables, tables_on_disk
    from lakehouse.settings import settings

    spark = session()
    for table in sorted(named_tables(spark, layer) - tables_on_disk(settings().lake)):
        spark.sql(f"drop table if exists {table}").collect()
        forget(table)


def guarded(name: str) -> AbstractContextManager[None]:
    """Put around work on the engine: within it a dead, full or overtaken engine speaks in our errors, and nothing waits for it.

    `name` is what errors call the work, e.g. "silver.contacts". Raises EngineUnavailableError (died, hung, deadline),
    EngineMemoryError, CommitConflictError; other errors pass unchanged.
    """
    from lakehouse.engine.guard import guarded_work

    return guarded_work(name)
