"""Errors of libraries at our borders: what of them may be said. Their texts may hold values of rows, addresses and
passwords, so they stay out; what is said instead is the type, a code where there is one, and the line of our code."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lakehouse.errors import LakehouseError, TerminalError, TransientError
from lakehouse.utils.disk_full import no_room
from lakehouse.utils.no_access import no_access

_PACKAGE = Path(__file__).resolve().parents[2]
_REMEDY = "Its text is not kept, because it may hold values of rows. If data and configuration are right, report it."


class UnexpectedError(TerminalError):
    """Something failed that the project did not foresee."""

    def __init__(self, work: str, kind: str) -> None:
        super().__init__(f"{work} failed unexpectedly: {kind}", _REMEDY)


class UnexpectedTransientError(TransientError):
    """A connection failed, or an answer took too long, where the project did not foresee it."""

    def __init__(self, work: str, kind: str) -> None:
        super().__init__(f"{work} failed: {kind}", "Run again. " + _REMEDY)


def as_ours(error: Exception, work: str) -> LakehouseError:
    """The error of this project for any error: itself, a full disk, a file of somebody else, or its kind.

    The errors behind it are gone. It keeps the traceback, whose lines of code hold no values.
    """
    ours = error if isinstance(error, LakehouseError) else no_room(error, work) or no_access(error, work)
    if ours is None:
        is_transient = isinstance(error, (ConnectionError, TimeoutError))
        ours = (UnexpectedTransientError if is_transient else UnexpectedError)(work, kind_of(error))
    ours.__cause__ = ours.__context__ = None
    return ours.with_traceback(error.__traceback__)


@contextmanager
def only_own_errors(work: str) -> Iterator[None]:
    """Put around work, or on a function, that must end in no other error than one of this project."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, it becomes ours
        raise as_ours(error, work) from None


def kind_of(error: BaseException) -> str:
    """What can be said of any error: `PermissionError (Permission denied: '/x')`, `KeyError in load.py, line 12`."""
    name, detail = type(error).__name__, _code_of(error)
    return f"{name} ({detail})" if detail else f"{name}{_place_of(error)}"


def _code_of(error: BaseException) -> str:
    """The words of the operating system, an SQLSTATE, or the condition of an engine; empty when there is none."""
    if isinstance(error, OSError):
        file = f": {error.filename!r}" if error.filename else ""
        return f"{error.strerror}{file}" if error.strerror else ""
    if isinstance(error, UnicodeDecodeError):
        return f"not {error.encoding} at byte {error.start}"
    if isinstance(error, ImportError):
        return str(error.name or "")
    for name in ("getCondition", "sqlstate", "sqlite_errorname"):
        found = getattr(error, name, None)
        if code := found() if callable(found) else found:
            return str(code)
    return ""


def _place_of(error: BaseException) -> str:
    """The innermost line of this project; of the library where there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    ours = [frame for frame in frames if _is_ours(Path(frame.filename))]
    chosen = (ours or frames)[-1]
    return f" in {Path(chosen.filename).name}, line {chosen.lineno}"


def _is_ours(file: Path) -> bool:
    return file.is_relative_to(_PACKAGE) and "site-packages" not in file.parts
