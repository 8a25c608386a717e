"""Guarded work on the engine: foreign errors are translated here, once, and work on a dead engine ends at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse.config.settings import Settings, settings
from lakehouse.engine.state import read_state
from lakehouse.spark import session as spark_session
from lakehouse.spark.error_translation import current_work, translate

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Put around work on the engine, to translate its errors and to end the work when the engine dies.

    Args:
        name: what errors call the work, e.g. "silver.contacts".

    Raises:
        EngineUnavailableError: the engine died or hung, or a query reached its time limit.
        EngineMemoryError: the work does not fit into the engine's memory limit.
        CommitConflictError: another writer committed first. Other errors are raised unchanged.
    """
    chosen = settings()
    token = current_work.set(name)
    done = threading.Event()
    watch = threading.Thread(target=_disconnect_when_dead, args=(chosen, done), name=f"watch {name}", daemon=True)
    watch.start()
    try:
        yield
    except Exception as error:
        translated = translate(error, chosen, spark_session.last_epoch())
        if translated is None or translated is error:
            raise
        raise translated from None
    finally:
        done.set()
        watch.join()
        current_work.reset(token)


def _disconnect_when_dead(chosen: Settings, done: threading.Event) -> None:
    """Close this process's connection when its engine has ended: whatever waits for an answer then fails at once."""
    while not done.wait(_LOOK_SECONDS):
        epoch = spark_session.current_epoch()
        state = read_state(chosen.home)
        if epoch and (state is None or state.epoch != epoch or not state.is_engine_alive):
            _log.error("the engine is gone: closing the connection")
            spark_session.close(epoch)
