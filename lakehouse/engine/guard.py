"""Work under watch: foreign errors are mapped once, here, and work on a dead engine is cut off."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse.engine import connect
from lakehouse.engine.failures import current_work, translate
from lakehouse.engine.state import read_state
from lakehouse.settings import Settings, settings

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5


@contextmanager
def guarded_work(name: str) -> Iterator[None]:
    """See lakehouse.engine.guarded."""
    chosen = settings()
    token = current_work.set(name)
    done = threading.Event()
    watch = threading.Thread(target=_hang_up_when_dead, args=(chosen, done), name=f"watch {name}", daemon=True)
    watch.start()
    try:
        yield
    except Exception as error:
        ours = translate(error, chosen, connect.last_epoch())
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
        epoch = connect.current_epoch()
        state = read_state(chosen.home)
        if epoch and (state is None or state.epoch != epoch or not state.is_engine_alive):
            _log.error("the engine is gone: hanging up on it")
            connect.close(epoch)
