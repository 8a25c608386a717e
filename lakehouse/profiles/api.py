"""The profile API: what is known of a customer now, while a mail is rendered or opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from lakehouse.keys.store import KeyRing
from lakehouse.profiles.reading import Profile, read_profiles
from lakehouse.profiles.store import ProfileStore, StoreUnavailableError
from lakehouse.web.problem import ProblemError, answer_http_error, answer_problem, problem

_AWAY_SECONDS = 1
_PROBLEM: dict[str, Any] = {"content": {"application/problem+json": {}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    304: {"description": "The profile is the one of the given ETag"},
    401: {"description": "The key is missing or not valid", **_PROBLEM},
    404: {"description": "Nothing is known of the customer", **_PROBLEM},
    422: {"description": "The id is empty or too long", **_PROBLEM},
    503: {"description": "No store of profiles answers", **_PROBLEM},
}


class ProfileAnswer(BaseModel):
    """The profile of a customer."""

    customer_id: str
    status: Literal["active", "suppressed", "erased", "new"] = Field(
        description="active: profile and signals are there. suppressed: must not be written to, nothing else is said."
        " erased: was deleted. new: no profile of the batch side yet"
    )
    reason: str | None = Field(description="Why a customer is suppressed")
    profile: dict[str, Any] | None = Field(description="Facts of the batch side, of somebody who is active")
    signals: dict[str, Any] = Field(description="What the customer has just done")
    as_of: datetime = Field(description="Time of the newest thing that it knows")
    staleness_seconds: float = Field(description="How long ago that is")
    source: str = Field(description="The stores that answered, e.g. redis+sqlite")
    missing: list[str] = Field(description="Stores that did not answer: the profile may lack what they have")


def application(keys: KeyRing, open_stores: Callable[[], Sequence[ProfileStore]]) -> FastAPI:
    """The API over the stores, which are opened inside its event loop."""
    opened: list[ProfileStore] = []

    @asynccontextmanager
    async def reading(_: FastAPI) -> AsyncIterator[None]:
        opened.extend(open_stores())
        yield
        for store in opened:
            await store.close()

    api = FastAPI(title="Profile API", version="1", lifespan=reading, docs_url=None, redoc_url=None)
    api.add_exception_handler(ProblemError, answer_problem)
    api.add_exception_handler(HTTPException, answer_http_error)
    api.add_exception_handler(RequestValidationError, _answer_invalid)

    @api.get(
        "/v1/profiles/{customer_id}",
        response_model=ProfileAnswer,
        responses=_RESPONSES,
        openapi_extra={"security": [{"key": []}]},
    )
    async def profile_of(request: Request, customer_id: Annotated[str, Path(min_length=1, max_length=255)]) -> Response:
        """The profile of a customer. The ETag is for If-None-Match."""
        _check_key(keys, request)
        now = datetime.now(UTC)
        try:
            found = (await read_profiles(opened, [customer_id], now)).get(customer_id)
        except StoreUnavailableError:
            raise ProblemError(503, "no store of profiles answers", {"Retry-After": str(_AWAY_SECONDS)}) from None
        if found is None:
            raise ProblemError(404, "nothing is known of this customer")
        return _answer(found, now, request.headers.get("if-none-match", ""))

    @api.get("/health", include_in_schema=False)
    async def health() -> Response:
        return JSONResponse({"status": "ok"})

    return api


def _answer(found: Profile, now: datetime, known: str) -> Response:
    headers = {"ETag": found.etag, "Cache-Control": "private, no-cache"}
    if found.etag in (each.strip() for each in known.split(",")) or known.strip() == "*":
        return Response(status_code=304, headers=headers)
    staleness = round(max((now - found.as_of).total_seconds(), 0.0), 3)
    body = {**found.content, "staleness_seconds": staleness, "source": found.source, "missing": list(found.missing)}
    return JSONResponse(body, headers=headers)


def _check_key(keys: KeyRing, request: Request) -> None:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or keys.find(text.strip(), "profiles") is None:
        detail = "a key of the scope profiles is needed as Bearer token; this one is missing or not valid"
        raise ProblemError(401, detail, {"WWW-Authenticate": "Bearer"})


async def _answer_invalid(_: Request, __: Exception) -> Response:
    return problem(422, "the id of a customer has 1 to 255 characters")
