"""Stopping a run for good: Ctrl-C or SIGTERM ends it, also when what runs at that moment (dbt, Airflow) swallows the
KeyboardInterrupt."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Remembers that a signal asked for the end of the run."""

    def __init__(self) -> None:
        self.is_asked = False

    def listen(self) -> None:
        """Take the signals, also back from Airflow, which takes SIGTERM at the start of every task. What is ignored
        (nohup) stays so."""
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._asked)

    def check(self) -> None:
        """Raise KeyboardInterrupt when the end was asked for."""
        if self.is_asked:
            raise KeyboardInterrupt

    def _asked(self, *_: Any) -> None:
        self.is_asked = True
        raise KeyboardInterrupt


@contextlib.contextmanager
def interruptible() -> Iterator[Interruption]:
    """A block that ends in KeyboardInterrupt once a signal came, whatever else became of it."""
    kept = {number: signal.getsignal(number) for number in _SIGNALS}
    asked = Interruption()
    asked.listen()
    try:
        yield asked
        asked.check()
    except Exception:
        asked.check()
        raise
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
