"""Errors of grpc, Spark, Sail, Delta and dbt as errors of the lakehouse: the engine is gone, memory or disk is full, a
commit lost its race."""

from __future__ import annotations

import re
import time
from contextvars import ContextVar

import grpc

from lakehouse.config.settings import Settings
from lakehouse.engine.launch import memory_limit_gb
from lakehouse.engine.state import Death, read_state
from lakehouse.errors import CommitConflictError, EngineMemoryError, EngineUnavailableError, LakehouseError
from lakehouse.utils.disk_full import no_room
from lakehouse.utils.no_access import no_access

# The name of the current work in errors; set by `guarded`.
current_work: ContextVar[str] = ContextVar("current_work", default="a query")

_MEMORY = re.compile(
    r"Resources exhausted|Failed to allocate additional|OutOfMemoryError|Java heap space|GC overhead limit|"
    r"UNABLE_TO_ACQUIRE_MEMORY|SparkOutOfMemory|"
    r"did not fit into the engine's memory limit",
    re.IGNORECASE,
)
_CONFLICT = re.compile(
    r"Failed to commit transaction|DELTA_CONCURRENT_|DELTA_METADATA_CHANGED|DELTA_PROTOCOL_CHANGED|DELTA_CONCURRENT|"
    r"Concurrent(Append|Delete(Read|Delete)|Write|Transaction)Exception|"
    r"MetadataChangedException|ProtocolChangedException|"
    r"Commit ?failed|transaction conflict|concurrent transaction|commit lost \d+ times",
    re.IGNORECASE,
)
_GONE = re.compile(
    r"StatusCode\.UNAVAILABLE|failed to connect to all addresses|Connection refused|Socket closed|"
    r"Connection reset by peer|Channel closed|recvmsg:|Broken pipe|"
    r"INVALID_CONNECT_URL|SESSION_CLOSED|SESSION_NOT_FOUND|SESSION_CHANGED|NO_ACTIVE_SESSION|RETRIES_EXCEEDED|"
    r"engine: (sail|spark) (is gone or was restarted|died|hung|is not running)"
)
_LATE = re.compile(r"engine: .{1,200} got no answer within \d+ s")


def is_unreachable(error: grpc.RpcError) -> bool:
    """Whether the error says that no server answers at the address."""
    return bool(error.code() == grpc.StatusCode.UNAVAILABLE)


def took_too_long(chosen: Settings) -> EngineUnavailableError:
    """The error for a query that was cancelled at its time limit."""
    return EngineUnavailableError(
        f"`{current_work.get()}` got no answer within {chosen.query_timeout_seconds} s and was cancelled",
        "Raise LAKEHOUSE_QUERY_TIMEOUT_SECONDS if it needs longer; see `lakehouse engine status` if it hangs.",
    )


def engine_gone(chosen: Settings, epoch: str) -> LakehouseError:
    """The error for work on the engine of `epoch`, which has ended.

    Returns:
        EngineMemoryError when the supervisor ended it for its use of memory, else EngineUnavailableError.
    """
    name = current_work.get()
    death = _death_of(chosen, epoch)
    if death is not None and death.cause == "memory":
        return EngineMemoryError(name, f"{memory_limit_gb(chosen):.1f} GB ({death.detail})")
    how = (
        "is gone or was restarted"
        if death is None
        else f"{'hung' if death.cause == 'hung' else 'died'} ({death.detail})"
    )
    remedy = "It is restarted automatically: run again. See `lakehouse engine status` and engine.log for details."
    return EngineUnavailableError(f"{chosen.engine} {how} under `{name}`", remedy)


def _death_of(chosen: Settings, epoch: str, patience_seconds: float = 2.0) -> Death | None:
    """What the supervisor recorded; it checks five times a second, so a fresh death is known only after a moment."""
    until = time.monotonic() + patience_seconds
    while True:
        state = read_state(chosen.home)
        death = state.death_of(epoch) if state is not None else None
        if (
            death is not None
            or state is None
            or not state.is_supervised
            or state.epoch != epoch
            or time.monotonic() > until
        ):
            return death
        time.sleep(0.05)


def translate(error: Exception, chosen: Settings, epoch: str) -> LakehouseError | None:
    """The error of the lakehouse for a foreign one; None when it is not about engine or files (wrong query, bug).

    Messages of the lakehouse's own errors are recognised too: dbt passes on the message of an error, not the error.
    """
    if isinstance(error, LakehouseError):
        return error
    # First, because a commit that finds no room also says that it failed to commit: trying again would not help.
    if found := no_room(error, current_work.get()) or no_access(error, current_work.get()):
        return found
    text = f"{type(error).__name__}: {error}"
    if _MEMORY.search(text):
        return EngineMemoryError(current_work.get(), f"{memory_limit_gb(chosen):.1f} GB")
    if _CONFLICT.search(text):
        return CommitConflictError(current_work.get(), 1)
    if _LATE.search(text):
        return took_too_long(chosen)
    if _GONE.search(text):
        return engine_gone(chosen, epoch)
    return None
