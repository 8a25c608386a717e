"""The one session of this process with the engine."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import uuid
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.connect.session import SparkSession as ConnectSession

from lakehouse.config.settings import Settings, settings
from lakehouse.engine import control
from lakehouse.engine.renewal import renew_when_half_full, use_lock
from lakehouse.engine.state import EngineState
from lakehouse.errors import EngineUnavailableError
from lakehouse.spark.grpc_calls import WatchedChannel
from lakehouse.spark.table_names import create_schemas, name_table, named_tables
from lakehouse.storage.discovery import existing_tables, newest_version
from lakehouse.tables import Layer, TableRef
from lakehouse.utils.file_lock import shared_lock
from lakehouse.utils.foreign_errors import kind_of

_log = logging.getLogger(__name__)
USER = "lakehouse"
# How long to wait for an engine that is being restarted.
_RESTART_SECONDS = 180.0
# Without ANSI mode a strict cast in a mapping is null instead of an error, from the first build of gold on.
_FIXED = frozenset({"spark.sql.ansi.enabled"})


@dataclass
class _Cached:
    spark: ConnectSession
    channel: WatchedChannel
    epoch: str
    use: BinaryIO  # the shared lock that keeps others from renewing the engine
    for_dbt: tuple[ConnectSession, WatchedChannel] | None = None
    named: set[TableRef] = field(default_factory=set)


_cached: _Cached | None = None
_last_epoch = ""
_lock = threading.Lock()


def session(autostart: bool = True) -> SparkSession:
    """The Spark Connect session of this process with the engine that the settings name.

    Its time zone is UTC; every Delta table of the lake is known as `<layer>.<table>`, also one that appeared since the
    last call. It is cached per process, safe after a fork, and connected again when the engine was restarted: call
    this function again instead of keeping the session. Do not stop() it: all clients share it.

    Args:
        autostart: start the supervised engine when none runs.

    Raises:
        EngineUnavailableError: there is no engine.
        ConfigurationError: the engine that runs in this home is of another kind.
    """
    global _cached, _last_epoch
    chosen = settings()
    state = _state_to_use(chosen, autostart)
    with _lock:
        if _cached is None or _cached.epoch != state.epoch or _cached.spark.is_stopped:
            close()
            renew_when_half_full()
            _cached = _connect(chosen)
        cached, _last_epoch = _cached, _cached.epoch
        for table in existing_tables(chosen.lake):
            if table not in cached.named:
                _try_to_name(cached, table, chosen.lake)
    _make_default(cached.spark)
    return cast(SparkSession, cached.spark)


def _try_to_name(cached: _Cached, table: TableRef, lake: str) -> None:
    """Name a table found on disk; one that the engine cannot read must not prevent work on the others."""
    try:
        name_table(cast(SparkSession, cached.spark), table, lake)
    except PySparkException as error:
        _log.warning("%s cannot be queried by name, because the engine cannot read it: %s", table, kind_of(error))
    else:
        cached.named.add(table)


def current_epoch() -> str:
    """Epoch of the engine that this process has a session with; empty when it has none."""
    return _cached.epoch if _cached is not None else ""


def last_epoch() -> str:
    """Epoch of the engine that this process last had a session with, also after the session was closed."""
    return _last_epoch


def close(epoch: str | None = None) -> None:
    """Close the connection, so that running calls fail at once; the engine and its shared session stay.

    With `epoch`, only when the connection is to the engine of that epoch.
    """
    global _cached
    cached = _cached
    if cached is not None and epoch in (None, cached.epoch):
        _cached = None
        cached.channel.cut()
        cached.use.close()
        if cached.for_dbt is not None:
            cached.for_dbt[1].cut()
        _make_default(None)


def register(spark: SparkSession, table: TableRef) -> None:
    """Make a table known by its name after its first write. Raises LookupError when there is no table yet."""
    lake = settings().lake
    if newest_version(table, lake) is None:
        raise LookupError(f"there is no Delta table {table} at {table.location(lake)}")
    name_table(spark, table, lake)
    if _cached is not None:
        _cached.named.add(table)


def forget_missing(layer: Layer) -> None:
    """Drop the names of tables whose folders were removed while the engine ran: queries by such a name fail.

    For the one writer of the layer, before it writes: a table that is being made has a name and no commit yet.
    """
    spark = session()
    for table in sorted(named_tables(spark, layer) - set(existing_tables(settings().lake))):
        spark.sql(f"drop table if exists {table}").collect()
        if _cached is not None:
            _cached.named.discard(table)


def make_default_for_dbt() -> None:
    """Let dbt in this process find the session it is to work in, until `session` is called again.

    dbt switches ANSI mode off in its session, which on Spark must not be the one of the jobs; all sessions know the
    same tables there. Sail knows tables in one session only, so dbt works in that, and ANSI mode stays on.
    """
    session()
    cached, chosen = _cached, settings()
    state = control.ready_state(chosen)
    if cached is None or state is None or state.kind == "sail":
        return
    if cached.for_dbt is None:
        own_id = str(uuid.uuid5(uuid.UUID(state.session_id), "dbt"))
        cached.for_dbt = _open(chosen, state, own_id)
    _make_default(cached.for_dbt[0])


def _state_to_use(chosen: Settings, autostart: bool) -> EngineState:
    state = control.ready_state(chosen)
    if state is not None:
        return state
    status = control.status()
    if status.state == "stopped":
        if not autostart:
            raise EngineUnavailableError(f"{chosen.engine} is not running")
        control.start()
    return control.await_ready(chosen, _RESTART_SECONDS)


def _connect(chosen: Settings) -> _Cached:
    use = shared_lock(use_lock(chosen.home))
    try:
        return _connected(chosen, use)
    except BaseException:
        use.close()
        raise


def _connected(chosen: Settings, use: BinaryIO) -> _Cached:
    state = control.await_ready(chosen, _RESTART_SECONDS)  # another process may have renewed it before
    # pyspark.sql.functions look here to know that there is no JVM in this process
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    spark, channel = _open(chosen, state, state.session_id, _FIXED)
    # With it pyspark looks for IPython on all paths at every call; for Spark it is a property of the server.
    if state.kind == "sail":
        spark.conf.set("spark.python.sql.dataFrameDebugging.enabled", "false")
    shared = cast(SparkSession, spark)
    create_schemas(shared, chosen.lake)
    return _Cached(spark, channel, state.epoch, use, named=named_tables(shared))


def _open(
    chosen: Settings, state: EngineState, session_id: str, fixed: frozenset[str] = frozenset()
) -> tuple[ConnectSession, WatchedChannel]:
    channel = WatchedChannel(chosen, state, session_id, USER, fixed)
    spark = ConnectSession.builder.channelBuilder(channel).create()
    # A reattaching client would run a lost query again on the restarted engine; without it a client that dies also ends
    # its query.
    spark.client.disable_reattachable_execute()
    spark.client.set_retry_policies([])
    spark.release_session_on_close = False  # other clients use the session too
    # At exit pyspark asks the engine to evict cached models, of which there are none: Sail refuses, and pyspark logs
    # that as an error at the end of every task.
    atexit.unregister(spark.client._on_exit)
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    return spark, channel


def _make_default(spark: ConnectSession | None) -> None:
    """Let `SparkSession.builder.getOrCreate()` in this process (dbt, Great Expectations) find the same session."""
    ConnectSession._default_session = spark
    ConnectSession._active_session.session = spark


def _forget_after_fork() -> None:
    """In a forked child: the parent's connection, its threads and its locks do not work here."""
    global _cached, _lock
    if _cached is not None:
        _cached.use.close()  # the parent keeps its own
    _cached, _lock = None, threading.Lock()
    ConnectSession._lock = threading.RLock()
    ConnectSession._default_session = None
    ConnectSession._active_session = threading.local()


os.register_at_fork(after_in_child=_forget_after_fork)
