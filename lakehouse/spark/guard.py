"""Work under watch: foreign errors are mapped once, here, and work on a dead engine is cut off."""

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
    """Put around work on the engine: errors of a dead or full engine, or of a lost commit race, become ours; nothing
    waits for a dead one.

    `name` is what errors call the work, e.g. "silver.contacts". Raises EngineUnavailableError (died, hung, deadline),
    EngineMemoryError, CommitConflictError; other errors pass unchanged.
    """
    chosen = settings()
    token = current_work.set(name)
    done = threading.Event()
    watch = threading.Thread(target=_hang_up_when_dead, args=(chosen, done), name=f"watch {name}", daemon=True)
    watch.start()
    try:
        yield
    except Exception as error:
        ours = translate(error, chosen, spark_session.last_epoch())
        if ours is None or ours is error:
            raise
        raise ours from error
    finally:
        done.set()
        watch.join()
        current_work.reset(token)


def _hang_up_when_dead(chosen: Settings, done: threading.Event) -> None:
    """Close this process's connection when its engine life is over: whatever waits for an answer then fails at once."""
    while not done.wait(_LOOK_SECONDS):
        epoch = spark_session.current_epoch()
        state = read_state(chosen.home)
        if epoch and (state is None or state.epoch != epoch or not state.is_engine_alive):
            _log.error("the engine is gone: hanging up on it")
            spark_session.close(epoch)
