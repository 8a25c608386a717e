"""Calls with one account: in its rate budget, behind a circuit breaker, repeated where that is safe."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import TracebackType

import httpx
import stamina
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from lakehouse.activation.destinations.capabilities import Capabilities
from lakehouse.activation.destinations.platform import Answer, Call
from lakehouse.activation.sending.connections import Connections
from lakehouse.activation.sending.failures import (
    CredentialsRefusedError,
    PlatformUnavailableError,
)
from lakehouse.activation.sending.patience import Patience, Tally
from lakehouse.activation.sending.rate_budget import RateBudget
from lakehouse.activation.sending.waiting import seconds_to_wait
from lakehouse.utils.foreign_errors import kind_of

_log = logging.getLogger(__name__)
# Its own hooks write on standard output; what is tried again is logged here.
stamina.instrumentation.set_on_retry_hooks([])

_TOO_MANY = 429
_NOT_KNOWN = (401, 403)
_REQUEST_TIMED_OUT = 408


class _TryAgain(Exception):  # noqa: N818 - says what to do
    """An attempt that is worth another one.

    `wait` is in seconds, None for the usual back-off; `is_unknown`: the attempt may have been applied.
    """

    def __init__(self, why: str, wait: float | None = None, is_unknown: bool = False) -> None:
        self.wait, self.is_unknown = wait, is_unknown
        super().__init__(why)


@dataclass
class AccountCaller:
    """Makes the calls of one account; an asynchronous context manager.

    Attributes:
        account: its name in destinations.yml.
        headers: with the credentials.
    """

    account: str
    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    capabilities: Capabilities
    budget: RateBudget
    patience: Patience = field(default_factory=Patience)
    tally: Tally = field(default_factory=Tally)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def __aenter__(self) -> AccountCaller:
        timeout = httpx.Timeout(self.patience.call_timeout, connect=10.0)
        self._connections = Connections(self.base_url, self.headers, self.capabilities.connections, timeout)
        await self._connections.__aenter__()
        self._breaker = await AsyncCircuitBreakerFactory(exclude=[_TryAgainLater]).get_breaker(
            self.account, threshold=self.patience.failures, ttl=self.patience.pause
        )
        self._paused_until = 0.0
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connections.__aexit__(kind, error, trace)

    async def __call__(self, call: Call, check: Callable[[bool], None] | None = None) -> Answer:
        """The answer to a call: a success, or a refusal of its content (4xx).

        `check` is asked right before each attempt leaves, whatever it has waited for, with whether an attempt before
        may have been applied; what it raises ends the call.

        Raises:
            PlatformUnavailableError: it failed until patience or the budget of repetitions was used up, or it may have
                been applied and is not repeatable.
            CredentialsRefusedError: 401 or 403.
        """
        may_be_applied = False
        try:
            async for attempt in stamina.retry_context(
                on=self._again, attempts=None, timeout=self.patience.seconds, wait_initial=0.2, wait_max=20.0
            ):
                with attempt:
                    try:
                        return await self._attempt(call, check and partial(check, may_be_applied))
                    except _TryAgain as error:
                        may_be_applied = may_be_applied or error.is_unknown
                        raise
        except (_TryAgain, OpenedState) as last:
            raise PlatformUnavailableError(self.account, _said(last)) from None
        raise AssertionError("a retry context either returns or raises")

    def _again(self, error: Exception) -> bool | float:
        """Whether an error is worth another attempt, or after how many seconds it is."""
        if isinstance(error, OpenedState):
            return self.patience.pause
        if not isinstance(error, _TryAgain):
            return False
        _log.info("account %s: the platform %s; trying again", self.account, error)
        if not isinstance(error, _TryAgainLater):
            allowed = self.patience.free_retries + self.patience.retry_share * self.tally.calls
            if self.tally.repeated >= allowed:
                return False
            self.tally.repeated += 1
        return True if error.wait is None else error.wait

    async def _attempt(self, call: Call, check: Callable[[], None] | None) -> Answer:
        await self._wait_for_others()
        async with self.budget.call(call.kind):
            if check is not None:
                check()
            async with self._breaker:
                answer = await self._send(call)
        if answer.status in _NOT_KNOWN:
            raise CredentialsRefusedError(self.account, answer.status)
        return answer

    async def _send(self, call: Call) -> Answer:
        self.tally.calls += 1
        try:
            answer = await self._connections.send(call)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _TryAgain(f"cannot be reached ({kind_of(error)})") from None
        except httpx.TransportError as error:
            raise self._unknown(f"did not answer ({kind_of(error)})") from None
        self.tally.answered += 1
        self.tally.bytes_sent += len(call.content)
        if answer.status == _TOO_MANY:
            raise self._throttled(answer)
        if answer.status >= 500 or answer.status == _REQUEST_TIMED_OUT:
            wait = self._asked_to_wait(answer)
            raise self._unknown(f"answers HTTP {answer.status}", wait)
        return answer

    def _unknown(self, what: str, wait: float | None = None) -> Exception:
        """The error of an attempt that may have been applied."""
        self.tally.unknown += 1
        if self.capabilities.is_replay_safe:
            return _TryAgain(what, wait, is_unknown=True)
        return PlatformUnavailableError(self.account, f"{what}, and the call must not be repeated")

    def _throttled(self, answer: Answer) -> _TryAgain:
        """All calls of this process wait, not only the one that was told."""
        self.tally.throttled += 1
        wait = self._asked_to_wait(answer)
        if wait is not None:
            if wait > self.patience.longest_wait:
                raise PlatformUnavailableError(self.account, f"asks to wait {wait:.0f} seconds")
            loop = asyncio.get_running_loop()
            self._paused_until = max(self._paused_until, loop.time() + wait)
        return _TryAgainLater("answers that there are too many calls (HTTP 429)", wait)

    def _asked_to_wait(self, answer: Answer) -> float | None:
        return seconds_to_wait(answer.headers, self.capabilities.wait_headers, self.clock())

    async def _wait_for_others(self) -> None:
        while (seconds := self._paused_until - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(seconds)


class _TryAgainLater(_TryAgain):
    """Too many calls: no failure of the platform, so the breaker does not count it."""


def _said(error: Exception) -> str:
    return "it failed too often, so calls are paused" if isinstance(error, OpenedState) else f"the platform {error}"
