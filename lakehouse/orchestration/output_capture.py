"""Keeping a run's output readable: what programs and libraries print goes to a log file, only the progress to the
terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from lakehouse.config.settings import settings

T = TypeVar("T")


def run_log(moment: datetime) -> Path:
    """The log of the run that began at `moment`."""
    return settings().logs / f"run-{moment:%Y%m%dT%H%M%SZ}.log"


@contextlib.contextmanager
def output_to(log: Path) -> Iterator[Callable[[Callable[[T], None]], Callable[[T], None]]]:
    """Send file descriptors 1 and 2 of this process to `log` (appended) for the block.

    Yields a decorator: a function so wrapped prints to the terminal as before, although the block is under way.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    originals = [os.dup(1), os.dup(2)]
    with (
        os.fdopen(originals[0], "w", buffering=1, closefd=False) as out,
        os.fdopen(originals[1], "w", buffering=1, closefd=False) as err,
    ):

        def to_terminal(function: Callable[[T], None]) -> Callable[[T], None]:
            def printed(value: T) -> None:
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    function(value)

            return printed

        with log.open("ab", buffering=0) as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        try:
            yield to_terminal
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(originals[0], 1)
            os.dup2(originals[1], 2)
    for descriptor in originals:
        os.close(descriptor)
