"""The profile API: what is known of a customer now, while a mail is rendered or opened."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from lakehouse.keys.store import KeyRing
from lakehouse.profiles.answers import (
    ASKED_SCHEMA,
    EXTRA,
    LONGEST_ID,
    OF_CONTENT,
    OF_MANY,
    OF_ONE,
    ManyAnswers,
    ProfileAnswer,
    deadline_seconds,
    ids_of_body,
)
from lakehouse.profiles.contents import Content
from lakehouse.profiles.metrics import ProfileMetrics
from lakehouse.profiles.serving import FALLBACK, Answer, ProfileReader
from lakehouse.profiles.store import ProfileStore
from lakehouse.web.metrics import WithMetrics, metrics_route
from lakehouse.web.problem import ProblemError, answer_http_error, answer_problem, problem
from lakehouse.web.rate import RateLimit
from lakehouse.web.request_id import WithRequestId

_SECURITY = {"key": {"type": "http", "scheme": "bearer"}}


def application(
    keys: KeyRing,
    open_stores: Callable[[], Sequence[ProfileStore]],
    fallback: Mapping[str, Any] | None = None,
    key_rate: float = 0,
    contents: Mapping[str, Content] | None = None,
) -> FastAPI:
    """The API over the stores, which are opened inside its event loop.

    Args:
        keys: who may ask.
        open_stores: opens the stores.
        fallback: the profile that is answered when no store answers in time.
        key_rate: profiles a second that may be asked for with one key; 0 = no limit.
        contents: slot -> what may stand in it.
    """
    readers: list[ProfileReader] = []
    rate = RateLimit(key_rate, max(key_rate, 100))

    @asynccontextmanager
    async def reading(_: FastAPI) -> AsyncIterator[None]:
        readers.append(ProfileReader(open_stores(), fallback or {}))
        yield
        await readers.pop().close()

    api = FastAPI(title="Profile API", version="1", lifespan=reading, docs_url=None, redoc_url=None)
    api.add_middleware(WithRequestId)
    metrics = ProfileMetrics()
    api.add_middleware(WithMetrics, registry=metrics.registry)
    api.router.routes.append(metrics_route(metrics.registry))

    async def answers(asked: Sequence[str], seconds: float, now: datetime) -> Mapping[str, Answer]:
        return metrics.count(asked, await readers[0].answers(asked, seconds, now))

    api.add_exception_handler(ProblemError, answer_problem)
    api.add_exception_handler(HTTPException, answer_http_error)
    api.add_exception_handler(RequestValidationError, _answer_invalid)
    describe = api.openapi

    def described() -> dict[str, Any]:
        found = describe()
        found.setdefault("components", {})["securitySchemes"] = _SECURITY
        return found

    api.openapi = described  # type: ignore[method-assign]

    @api.get("/v1/profiles/{customer_id:path}", response_model=ProfileAnswer, responses=OF_ONE, openapi_extra=EXTRA)
    async def profile_of(
        request: Request, customer_id: Annotated[str, Path(min_length=1, max_length=LONGEST_ID)]
    ) -> Response:
        """The profile of a customer, by id or alias. The ETag is for If-None-Match."""
        seconds = deadline_seconds(request)
        _check_key(keys, rate, request, 1)
        now = datetime.now(UTC)
        found = await answers([customer_id], seconds, now)
        if customer_id not in found:
            raise ProblemError(404, "nothing is known of this customer")
        return _answer(found[customer_id], now, request.headers.get("if-none-match", ""))

    body = {"required": True, "content": {"application/json": {"schema": ASKED_SCHEMA}}}

    @api.post(
        "/v1/profiles:batchGet",
        response_model=ManyAnswers,
        responses=OF_MANY,
        openapi_extra={**EXTRA, "requestBody": body},
    )
    async def profiles_of(request: Request) -> Response:
        """The profiles of up to 100 customers."""
        seconds = deadline_seconds(request)
        _check_key(keys, rate, request, 0)
        asked = await ids_of_body(request)
        _check_key(keys, rate, request, len(asked))
        now = datetime.now(UTC)
        found = await answers(asked, seconds, now)
        profiles = [{"id": name, **answer.body(now)} for name, answer in found.items()]
        unknown = [name for name in dict.fromkeys(asked) if name not in found]
        return _json({"profiles": profiles, "unknown": unknown}, {"Cache-Control": "no-store"})

    @api.get("/v1/content/{slot}", response_class=Response, responses=OF_CONTENT, openapi_extra=EXTRA)
    async def content_of(
        request: Request,
        slot: Annotated[str, Path(min_length=1, max_length=64)],
        customer_id: Annotated[str, Query(min_length=1, max_length=LONGEST_ID)],
    ) -> Response:
        """What stands in a slot for a customer, by id or alias. `X-Content-Source` says whether it was rendered."""
        seconds = deadline_seconds(request)
        _check_key(keys, rate, request, 1)
        content = (contents or {}).get(slot)
        if content is None:
            raise ProblemError(404, "there is no such slot")
        now = datetime.now(UTC)
        answer = (await answers([customer_id], seconds, now)).get(customer_id)
        text = content.rendered(answer.body(now) if answer else None)
        source = FALLBACK if answer is None or text is None else answer.source
        headers = {"Cache-Control": "private, no-cache", "X-Content-Source": source}
        return Response(
            content.fallback if text is None else text, 200, headers, f"{content.media_type}; charset=utf-8"
        )

    @api.get("/health", include_in_schema=False)
    async def health() -> Response:
        return JSONResponse({"status": "ok"})

    return api


def _answer(found: Answer, now: datetime, known: str) -> Response:
    headers = {"Cache-Control": "private, no-cache"}
    if found.etag:
        headers["ETag"] = found.etag
        if found.etag in (each.strip() for each in known.split(",")) or known.strip() == "*":
            return Response(status_code=304, headers=headers)
    return _json(found.body(now), headers)


def _json(body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    return Response(msgspec.json.encode(body), 200, headers, media_type="application/json")


def _check_key(keys: KeyRing, rate: RateLimit, request: Request, cost: int) -> None:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    key = keys.find(text.strip(), "profiles") if scheme.lower() == "bearer" else None
    if key is None:
        detail = "a key of the scope profiles is needed as Bearer token; this one is missing or not valid"
        raise ProblemError(401, detail, {"WWW-Authenticate": "Bearer"})
    wait = rate.wait_seconds(key.key_id, time.monotonic(), cost) if cost else 0.0
    if wait:
        detail = "more profiles are asked for with this key than it may"
        raise ProblemError(429, detail, {"Retry-After": str(math.ceil(wait))})


async def _answer_invalid(_: Request, __: Exception) -> Response:
    return problem(422, f"the id of a customer has 1 to {LONGEST_ID} characters")
