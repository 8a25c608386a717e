"""Stopping a run: Ctrl-C or SIGTERM ends it, also when what runs at that moment (dbt, Airflow) swallows the
KeyboardInterrupt."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Remembers that a signal asked for the end of the run."""

    def __init__(self) -> None:
        self.is_made = False

    def listen(self) -> None:
        """Handle the signals; again for every task, because Airflow takes SIGTERM when one starts. A signal that is
        ignored (nohup) stays ignored."""
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._received)

    def raise_if_made(self) -> None:
        """Raise KeyboardInterrupt when a signal has been received."""
        if self.is_made:
            raise KeyboardInterrupt

    def _received(self, *_: Any) -> None:
        self.is_made = True
        raise KeyboardInterrupt


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[StopRequest]:
    """A block that ends in KeyboardInterrupt once a signal was received, whatever error it would end in otherwise."""
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    stop = StopRequest()
    stop.listen()
    try:
        yield stop
        stop.raise_if_made()
    except Exception:
        stop.raise_if_made()
        raise
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
