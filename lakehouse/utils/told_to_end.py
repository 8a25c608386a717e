"""A process that is told to end while it does what should be finished: the signal waits until it is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def told_to_end() -> Iterator[Callable[[], bool]]:
    """In the block, SIGTERM and SIGINT (once) only make the yielded function true; after it they take their usual
    effect. Outside of the main thread nothing changes, because signals do not reach other threads."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, before[signal.Signals(number)])  # the second one is not asked to wait

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield lambda: bool(received)
    finally:
        for number in _SIGNALS:
            signal.signal(number, before[number])
        if received:
            signal.raise_signal(received[0])
