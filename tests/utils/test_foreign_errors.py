"""What is said of errors of libraries, and that nothing of them goes on."""

from __future__ import annotations

import errno
import traceback

import pytest

from lakehouse.errors import DiskFullError, LakehouseError, TerminalError, TransientError
from lakehouse.utils.foreign_errors import as_ours, kind_of, only_own_errors

VALUE = "canary@mail.example"


class _EngineError(Exception):
    def getCondition(self) -> str:  # noqa: N802 - pyspark's name
        return "CAST_INVALID_INPUT"


def _raised(error: Exception) -> LakehouseError:
    """What crosses the border when `error` is raised because of another one."""
    try:
        with only_own_errors("silver contacts"):
            try:
                raise ValueError(VALUE)
            except ValueError:
                raise error  # noqa: B904 - as libraries do
    except LakehouseError as ours:
        return ours
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            KeyError(VALUE),
            TerminalError,
            "silver contacts failed unexpectedly: KeyError in test_foreign_errors",
        ),
        (_EngineError(VALUE), TerminalError, "_EngineError (CAST_INVALID_INPUT)"),
        (ConnectionResetError(VALUE), TransientError, "ConnectionResetError"),
        (TimeoutError(VALUE), TransientError, "TimeoutError"),
        (OSError(errno.EIO, "Input/output error", "/x"), TerminalError, "OSError (Input/output error: '/x')"),
        (UnicodeDecodeError("utf-8", VALUE.encode(), 3, 4, VALUE), TerminalError, "(not utf-8 at byte 3)"),
        (OSError(errno.ENOSPC, "full"), DiskFullError, "silver contacts: No space left on device"),
        (TerminalError("it broke", "Mend it."), TerminalError, "it broke. Mend it."),
    ],
)
def test_only_the_kind_of_an_error_crosses(error: Exception, kind: type, words: str) -> None:
    ours = _raised(error)
    assert isinstance(ours, kind) and words in str(ours)
    shown = "".join(traceback.format_exception(ours))
    assert VALUE not in shown
    assert "in _raised" in shown, "the lines of code are kept"


def test_our_own_error_stays_the_same_object() -> None:
    error = TerminalError("it broke", "Mend it.")
    error.__cause__ = ValueError(VALUE)
    assert as_ours(error, "x") is error and error.__cause__ is None


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert kind_of(KeyError(VALUE)) == "KeyError"
