"""The collector as an ASGI application: Segment's HTTP tracking API, answered when the events are durable.

200 says so, also for events that break the contract: they are dead letters then, and named in the answer. Any other
status says that nothing of the request may be relied on, and 429 and 503 when to come again.
"""

from __future__ import annotations

import base64
import binascii
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from math import ceil
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lakehouse.activation.accounts.declared import Account
from lakehouse.collector.body import read_json
from lakehouse.collector.checked import EVENT_BYTES, Rejected, messages_of
from lakehouse.collector.gif import GIF, call_of, wants_privacy
from lakehouse.collector.metrics import CollectorMetrics
from lakehouse.collector.pixel.routes import pixel_routes
from lakehouse.collector.spool.sender import Sender
from lakehouse.collector.webhooks.endpoint import Webhooks
from lakehouse.contracts.events import EVENT_TYPES
from lakehouse.errors import TransientError
from lakehouse.kafka.producer import Message
from lakehouse.kafka.topics import DEAD_LETTERS
from lakehouse.keys.store import Key, KeyRing
from lakehouse.web.metrics import WithMetrics, metrics_route
from lakehouse.web.problem import ProblemError, answer_http_error, answer_problem
from lakehouse.web.rate import RateLimit

BATCH_BYTES = 512 * 1024
_FULL_SECONDS = 5
_ORIGIN_SECONDS = 3600  # a browser asks again whether a site may send
_REASONS = 20  # of rejected events in one answer


class Collector:
    """What the handlers share, and what they count (`metrics`).

    Args:
        keys: who may send.
        open_sender: makes the sender, inside the event loop.
        key_rate: events a second of a write key; 0 = no limit.
        address_rate: requests a second of an address; 0 = no limit.
        origins: sites whose pages may send with the browser's consent (CORS), such as https://shop.example.com.
        demo_key: the write key of the demo shop; empty = no demo shop.
        accounts: accounts at e-mail platforms, which may send webhooks.
    """

    def __init__(
        self,
        keys: KeyRing,
        open_sender: Callable[[], Sender],
        key_rate: float = 0,
        address_rate: float = 0,
        origins: Sequence[str] = (),
        demo_key: str = "",
        accounts: Mapping[str, Account] | None = None,
    ) -> None:
        self._keys, self._open_sender, self._origins, self._demo_key = keys, open_sender, origins, demo_key
        self._webhooks = Webhooks(accounts or {})
        self.metrics = CollectorMetrics()
        self._by_key = RateLimit(key_rate, burst=2 * key_rate)
        self._by_address = RateLimit(address_rate, burst=10 * address_rate)
        self._sender: Sender | None = None

    def application(self) -> Starlette:
        """The application."""
        single = [Route(f"/v1/{kind}", self._single(kind), methods=["POST"]) for kind in EVENT_TYPES]
        return Starlette(
            routes=[
                *single,
                Route("/v1/batch", self._batch, methods=["POST"]),
                Route("/v1/p.gif", self._gif),
                *pixel_routes(self._demo_key),
                Route("/v1/webhooks/{account}", self._webhook, methods=["POST"]),
                Route("/health", _health),
                metrics_route(self.metrics.registry),
            ],
            middleware=[
                Middleware(WithMetrics, registry=self.metrics.registry),
                Middleware(
                    CORSMiddleware,
                    allow_origins=self._origins,
                    allow_methods=["POST"],
                    allow_headers=["authorization", "content-type", "content-encoding"],
                    expose_headers=["retry-after"],
                    max_age=_ORIGIN_SECONDS,
                ),
            ],
            exception_handlers={ProblemError: answer_problem, HTTPException: answer_http_error},
            lifespan=self._sending,
        )

    @asynccontextmanager
    async def _sending(self, _: Starlette) -> AsyncIterator[None]:
        self._sender = self._open_sender()
        try:
            yield
        finally:
            self._sender.close()

    def _single(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def take(request: Request) -> Response:
            call, key = await self._admitted(request, EVENT_BYTES)
            return _answer(1, await self._taken([{**call, "type": kind}], key))

        return take

    async def _batch(self, request: Request) -> Response:
        body, key = await self._admitted(request, BATCH_BYTES)
        calls = body.get("batch")
        if not isinstance(calls, list):
            raise ProblemError(400, 'the body must be a JSON object with an array "batch"')
        rejected = await self._taken(_with_defaults(calls, body.get("context")), key, body.get("sentAt"))
        return _answer(len(calls), rejected)

    async def _gif(self, request: Request) -> Response:
        self._check_address(request)
        key = self._key(request.query_params.get("writeKey"))
        if not wants_privacy(request.headers):
            await self._taken([call_of(request.query_params, request.headers, str(uuid.uuid4()))], key)
        return Response(GIF, media_type="image/gif", headers={"Cache-Control": "no-store"})

    async def _webhook(self, request: Request) -> Response:
        self._check_address(request)
        delivery = await self._webhooks.read(request, datetime.now(UTC))
        await self._send(delivery.messages)
        self._webhooks.taken(delivery)
        return JSONResponse({"success": True})

    async def _admitted(self, request: Request, most_bytes: int) -> tuple[dict[str, Any], Key]:
        """The body of a request, and its write key: of its header, which is checked before the body is read, or of the
        body, where a page that is being left has to put it."""
        self._check_address(request)
        if (origin := request.headers.get("origin")) and origin not in self._origins:
            raise ProblemError(403, "pages of this site may not send; LAKEHOUSE_COLLECTOR_ORIGINS lists those that may")
        said = request.headers.get("authorization")
        key = self._key(_write_key(said)) if said else None
        body = await read_json(request, most_bytes)
        if not isinstance(body, dict):
            raise ProblemError(400, "the body must be a JSON object")
        return body, key or self._key(body.get("writeKey"))

    def _check_address(self, request: Request) -> None:
        _check_rate(self._by_address, request.client.host if request.client else "", 1)

    def _key(self, text: Any) -> Key:
        key = self._keys.find(text, "collect") if isinstance(text, str) else None
        if key is None:
            detail = "a write key is needed, as user name of Basic authentication or as writeKey; this is none"
            raise ProblemError(401, detail, {"WWW-Authenticate": 'Basic realm="collector"'})
        return key

    async def _taken(self, calls: Sequence[Any], key: Key, sent_at: Any = None) -> Sequence[Rejected]:
        _check_rate(self._by_key, key.key_id, len(calls))
        messages, rejected = messages_of(calls, datetime.now(UTC), key.key_id, sent_at)
        await self._send(messages)
        return rejected

    async def _send(self, messages: Sequence[Message]) -> None:
        """Make the messages durable, and count them."""
        assert self._sender is not None, "the application was not started"
        try:
            await self._sender.send(messages)
        except TransientError:
            detail = "the events cannot be stored now; send them again with the same messageId"
            raise ProblemError(503, detail, {"Retry-After": str(_FULL_SECONDS)}) from None
        count_dead = sum(message.topic == DEAD_LETTERS.name for message in messages)
        self.metrics.accepted.inc(len(messages) - count_dead)
        self.metrics.dead_letters.inc(count_dead)


def _answer(count: int, rejected: Sequence[Rejected]) -> Response:
    said: dict[str, Any] = {"success": True}
    if rejected:
        said |= {
            "accepted": count - len(rejected),
            "dead_letters": len(rejected),
            "reasons": [{"index": each.place, "reason": each.reason} for each in rejected[:_REASONS]],
        }
    return JSONResponse(said)


def _with_defaults(calls: list[Any], context: Any) -> list[Any]:
    """Calls of a batch with the context of the batch, where they have none."""
    if not isinstance(context, dict):
        return calls
    return [{"context": context, **call} if isinstance(call, dict) else call for call in calls]


def _check_rate(limit: RateLimit, caller: str, cost: int) -> None:
    if wait := limit.wait_seconds(caller, time.monotonic(), cost):
        raise ProblemError(429, "too many events or requests", {"Retry-After": str(ceil(wait))})


def _write_key(authorization: str) -> str:
    """The user name of Basic authentication; empty when there is none."""
    scheme, _, said = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(said, validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})
