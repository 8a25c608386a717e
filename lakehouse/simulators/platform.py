"""What a simulated platform has to say; the package's docstring shows how to write one."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lakehouse.simulators.call import Answer, Call
from lakehouse.simulators.jobs import Jobs
from lakehouse.simulators.people import People
from lakehouse.simulators.rate_limit import Allowance, Count

Handler = Callable[[Call], Answer]
Route = tuple[str, str, Handler]  # method, path as Starlette writes it (/api/lists/{id}), function
Refusal = Literal["missing", "wrong", "expired"]
Happening = Literal["subscribed", "unsubscribed", "bounced", "complained", "erased"]


@dataclass(frozen=True)
class Options:
    """How a simulator is run.

    Attributes:
        token: the credential it accepts; empty: any that is not empty.
        seconds_of_a_job: how long an import takes.
        seconds_of_an_answer: how long it thinks before it answers.
        is_limited: whether it keeps to the platform's rate.
        most_people: persons that it holds; a request that would bring more is answered with 507.
        clock: seconds since 1970.
    """

    token: str = ""
    seconds_of_a_job: float = 1.0
    seconds_of_an_answer: float = 0.0
    is_limited: bool = True
    most_people: int = 1_000_000
    clock: Callable[[], float] = time.time


class Platform(ABC):
    """A simulated platform: its state, and its answers."""

    name: ClassVar[str]
    max_body_bytes: ClassVar[int]
    own_faults: ClassVar[frozenset[str]] = frozenset()  # of fault_file.ASKED_FOR
    simultaneous: ClassVar[int | None] = None  # requests of an account at the same time
    unknown_subscription: ClassVar[str]  # what it says of somebody whom it has heard nothing of

    def __init__(self, options: Options) -> None:
        self.options = options
        self.people = People(options.most_people, self.unknown_subscription)
        self.jobs = Jobs()

    @abstractmethod
    def routes(self) -> Sequence[Route]:
        """What it answers."""

    @abstractmethod
    def credential(self, call: Call) -> str | None:
        """The token that a request carries; None or empty when it carries none in the platform's way."""

    @abstractmethod
    def allowance(self, call: Call) -> Allowance | None:
        """How often such a request may come; None for no limit."""

    @abstractmethod
    def refused(self, call: Call, why: Refusal) -> Answer:
        """The credential is missing, not the right one, or has expired."""

    @abstractmethod
    def throttled(self, call: Call, wait_seconds: float, retry_after: str | None) -> Answer:
        """Too many requests; `retry_after` is the value of such a header, None when it shall have none."""

    @abstractmethod
    def failed(self, call: Call, status: int) -> Answer:
        """The platform is broken."""

    @abstractmethod
    def not_found(self, call: Call, allowed: Sequence[str]) -> Answer:
        """There is no such path, or, with methods in `allowed`, it has no such method."""

    @abstractmethod
    def bad_body(self, call: Call, problem: str) -> Answer:
        """The body cannot be read."""

    @abstractmethod
    def too_large(self, call: Call) -> Answer:
        """The body has more than `max_body_bytes`."""

    @abstractmethod
    def happened(self, email: str, what: Happening, now: float) -> None:
        """A person did, or suffered, something on the platform that is not ours to do: `POST /_sim/happened`."""

    def rate_headers(self, counts: Sequence[Count], now: float) -> Mapping[str, str]:
        """Headers that tell how the windows of the rate stand, in the order of the allowance."""
        return {}

    def settle(self, now: float) -> None:
        """Do what has become due since the last request."""
        self.jobs.settle(now)

    def state(self, now: float, keys: list[str] | None, with_people: bool) -> dict[str, Any]:
        """What it holds, for `/_sim/state`: persons with the given keys, or all of them."""
        told: dict[str, Any] = {"platform": self.name, "totals": self.people.totals()}
        if with_people:
            told["people"] = self.people.shown(keys)
        return told | {"jobs": self.jobs.shown(now)}
