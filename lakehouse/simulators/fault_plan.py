"""Which scripted fault happens to which request. Every one that happened is counted."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lakehouse.simulators.call import RowFault
from lakehouse.simulators.fault_file import (
    AcceptedThenTimeout,
    ConnectionReset,
    Fault,
    ImportLock,
    JobStuck,
    RowErrors,
    Rows,
    Selection,
    ServerError,
    SilentSkip,
    Slow,
    TokenExpired,
    TooManyRequests,
)

_LAST = 100  # numbers of requests that are shown of a fault
_Ending = TooManyRequests | ServerError | ConnectionReset | AcceptedThenTimeout | TokenExpired
F = TypeVar("F")


@dataclass
class Scripted:
    """A fault, with how often it could have happened, and did: to which requests and how many rows."""

    fault: Fault
    count_matched: int = 0
    count_fired: int = 0
    count_rows: int = 0
    requests: list[int] = field(default_factory=list)

    def is_due(self, what: str) -> bool:
        """Count a request, METHOD and path; whether the fault is for it, and may happen once more."""
        if self.fault.path and not re.search(self.fault.path, what):
            return False
        self.count_matched += 1
        is_used_up = self.fault.times is not None and self.count_fired >= self.fault.times
        return not is_used_up and chooses(self.fault, self.count_matched)

    def fire(self, request: int) -> None:
        """Note that it happened to a request."""
        self.count_fired += 1
        self.requests = [*self.requests[-_LAST + 1 :], request]

    def shown(self) -> dict[str, Any]:
        """The fault in `/_sim/faults`."""
        return {
            **self.fault.model_dump(exclude_none=True),
            "count_matched": self.count_matched,
            "count_fired": self.count_fired,
            "count_rows": self.count_rows,
            "requests": self.requests,
        }


class FaultPlan:
    """All scripted faults, in the order of the file."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.scripted = [Scripted(fault) for fault in faults]

    def arm(self, number: int, method: str, path: str) -> Armed:
        """The faults that are for the request with that number."""
        return Armed(number, [each for each in self.scripted if each.is_due(f"{method} {path}")])

    def shown(self) -> dict[str, Any]:
        """The answer of `/_sim/faults`."""
        return {"faults": [each.shown() for each in self.scripted]}


@dataclass
class Armed:
    """The faults of one request. A fault happens when it is asked for, and is counted then."""

    number: int
    due: list[Scripted]
    fired: list[Scripted] = field(default_factory=list)

    def ending(self) -> _Ending | None:
        """What happens to the request as a whole: the first of its kind."""
        return self._take(_Ending)  # type: ignore[arg-type]

    def slow_seconds(self) -> float:
        """How long its answer waits."""
        found = self._take(Slow)
        return found.seconds if found else 0.0

    def row_fault(self, position: int, key: str) -> RowFault | None:
        """What happens to a row (`Modifiers`)."""
        for each in self.due:
            if isinstance(each.fault, RowErrors | SilentSkip) and _is_hit(each.fault.rows, position, key):
                self._fire(each)
                each.count_rows += 1
                return RowFault(each.fault.reason if isinstance(each.fault, RowErrors) else None)
        return None

    def is_job_stuck(self) -> bool:
        """Whether its job never ends (`Modifiers`)."""
        return self._take(JobStuck) is not None

    def is_import_locked(self) -> bool:
        """Whether another import is at work (`Modifiers`)."""
        return self._take(ImportLock) is not None

    def _take(self, kind: type[F]) -> F | None:
        for each in self.due:
            if isinstance(each.fault, kind):
                self._fire(each)
                return each.fault
        return None

    def _fire(self, each: Scripted) -> None:
        if not any(each is one for one in self.fired):
            self.fired.append(each)
            each.fire(self.number)


def chooses(selection: Selection, number: int) -> bool:
    """Whether a selection chooses the thing with that number, from 1. The same numbers are chosen every time."""
    if selection.nth is not None:
        return number == selection.nth
    if selection.every is not None:
        return number % selection.every == 0
    if selection.share is not None:
        return random.Random(f"{selection.seed}:{number}").random() < selection.share  # noqa: S311 - no secret
    return True


def _is_hit(rows: Rows, position: int, key: str) -> bool:
    return (rows.key is None or re.search(rows.key, key) is not None) and chooses(rows, position + 1)
