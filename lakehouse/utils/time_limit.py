"""A block of work that ends when its time is up, whatever it waits for."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_AGAIN_SECONDS = 60  # when the first word was not heeded: somebody caught it, or waits for others


class _TimeIsUp(BaseException):
    """Like KeyboardInterrupt nothing that `except Exception` may swallow."""


@contextmanager
def time_limit(seconds: float, error: Exception, on_end: Callable[[], None]) -> Iterator[None]:
    """Raise `error` when the block takes longer than so many seconds; without effect in threads, and at 0.

    `on_end` is called from another thread before, to end what other threads and servers do for the block. A library
    that does not come back to Python is waited for.
    """
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: Any) -> None:
        threading.Thread(target=on_end, name="time is up", daemon=True).start()
        raise _TimeIsUp

    handler = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS)
    try:
        yield
    except _TimeIsUp:
        raise error from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
