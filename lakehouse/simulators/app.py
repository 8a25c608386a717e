"""A platform as an ASGI application: what happens to a request on its way to the platform, and to the answer."""

from __future__ import annotations

import asyncio
import math
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from email.utils import formatdate
from enum import Enum

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from lakehouse.simulators.call import Answer, BadBodyError, Call
from lakehouse.simulators.fault_file import (
    AcceptedThenTimeout,
    ConnectionReset,
    Fault,
    ServerError,
    TokenExpired,
    TooManyRequests,
)
from lakehouse.simulators.fault_plan import Armed, FaultPlan
from lakehouse.simulators.people import FullError
from lakehouse.simulators.platform import Handler, Platform
from lakehouse.simulators.rate_limit import RateLimit
from lakehouse.simulators.request_log import Received, RequestLog

# Key of an ASGI scope under which the server puts what resets the connection (server.py).
RESET = "lakehouse.reset"


class _NoAnswer(Enum):
    """Ways not to answer."""

    RESET = "the connection is reset"
    SILENCE = "the connection stays open until the client closes it"


class Simulator:
    """Plays a platform, with a log of all requests and a plan of what goes wrong."""

    def __init__(self, platform: Platform, faults: Sequence[Fault] = ()) -> None:
        self.platform, self.options = platform, platform.options
        self.log, self.plan, self.rate = RequestLog(), FaultPlan(faults), RateLimit()
        self._at_work: Counter[str] = Counter()  # requests of an account
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = [
            (method, compile_path(path)[0], handler) for method, path, handler in platform.routes()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        request = Request(scope, receive)
        now, path = self.options.clock(), request.url.path.rstrip("/") or "/"
        headers, query = dict(request.headers), dict(request.query_params)
        body, size = await _body(request, self.platform.max_body_bytes)
        entry = self.log.add(Received(now, request.method, path, query, headers, size), body)
        armed = self.plan.arm(entry.number, request.method, path)
        call = Call(request.method, path, query, headers, body, now, armed, self.options.seconds_of_a_job)
        answer = await self._answer(call, size, armed)
        entry.faults = tuple(each.fault.fault for each in armed.fired)
        if isinstance(answer, Answer):
            entry.status = answer.status
            await Response(answer.content, answer.status, answer.sent_headers)(scope, receive, send)
            return
        if answer is _NoAnswer.RESET:
            scope[RESET]()
        while (await receive())["type"] != "http.disconnect":
            continue

    async def _answer(self, call: Call, size: int, armed: Armed) -> Answer | _NoAnswer:
        """The answer, after the time it takes."""
        account = self.platform.credential(call) or ""
        if self.platform.simultaneous and self._at_work[account] >= self.platform.simultaneous:
            return self.platform.throttled(call, 1.0, None)
        self._at_work[account] += 1
        try:
            await asyncio.sleep(armed.slow_seconds() + self.options.seconds_of_an_answer)
            return self._faulty(call, size, armed, account)
        finally:
            self._at_work[account] -= 1

    def _faulty(self, call: Call, size: int, armed: Armed, account: str) -> Answer | _NoAnswer:
        """The platform's answer, unless a scripted fault is in its place."""
        match fault := armed.ending():
            case TooManyRequests():
                return self.platform.throttled(call, fault.seconds, _retry_after(fault, call.now))
            case TokenExpired():
                return self.platform.refused(call, "expired")
            case ServerError():
                if fault.is_applied:
                    self._played(call, size, account)
                return self.platform.failed(call, fault.status)
            case ConnectionReset():
                if fault.is_applied:
                    self._played(call, size, account)
                return _NoAnswer.RESET
            case AcceptedThenTimeout():
                self._played(call, size, account)
                return _NoAnswer.SILENCE
        return self._played(call, size, account)

    def _played(self, call: Call, size: int, account: str) -> Answer:
        """What the platform answers by itself."""
        if not account:
            return self.platform.refused(call, "missing")
        if self.options.token and not secrets.compare_digest(account.encode(), self.options.token.encode()):
            return self.platform.refused(call, "wrong")
        allowance = self.platform.allowance(call) if self.options.is_limited else None
        counts = self.rate.take(account, allowance, call.now) if allowance else []
        wait = max((count.wait_seconds for count in counts), default=0.0)
        answer = self.platform.throttled(call, wait, str(math.ceil(wait))) if wait else self._routed(call, size)
        return replace(answer, headers={**self.platform.rate_headers(counts, call.now), **answer.headers})

    def _routed(self, call: Call, size: int) -> Answer:
        matches = [(method, found, handle) for method, path, handle in self._routes if (found := path.match(call.path))]
        for method, found, handle in matches:
            if method == call.method:
                return self._handled(replace(call, parameters=found.groupdict()), size, handle)
        return self.platform.not_found(call, [method for method, _, _ in matches])

    def _handled(self, call: Call, size: int, handle: Handler) -> Answer:
        if size > self.platform.max_body_bytes:
            return self.platform.too_large(call)
        self.platform.settle(call.now)
        try:
            return handle(call)
        except BadBodyError as error:
            return self.platform.bad_body(call, str(error))
        except FullError:
            most = self.options.most_people
            return Answer(507, {"error": f"This simulator holds at most {most:,} persons; --most-people raises that."})


async def _body(request: Request, most: int) -> tuple[bytes, int]:
    """The body, or nothing of one that is too large, and its size. All of it is read: a client that sends does not
    listen."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= most:
            chunks.append(chunk)
        else:
            chunks.clear()
    return b"".join(chunks), size


def _retry_after(fault: TooManyRequests, now: float) -> str | None:
    if fault.retry_after == "none":
        return None
    if fault.retry_after == "date":
        return formatdate(now + fault.seconds, usegmt=True)
    return str(math.ceil(fault.seconds))
