"""What the profile API takes and answers, as its description says it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, Field
from starlette.requests import Request

from lakehouse.web.problem import ProblemError

MOST_AT_ONCE, LONGEST_ID = 100, 255
DEADLINE = "X-Deadline-Ms"
DEFAULT_MS, LEAST_MS, MOST_MS = 250, 5, 10_000
_LARGEST = 200_000  # bytes of a body: 100 ids with every character escaped
_PROBLEM: dict[str, Any] = {"content": {"application/problem+json": {}}}
_ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"description": "The key is missing or not valid", **_PROBLEM},
    422: {"description": "An id, the body or the deadline is not valid", **_PROBLEM},
    429: {"description": "Too many profiles were asked for with this key", **_PROBLEM},
}
OF_ONE: dict[int | str, dict[str, Any]] = _ERRORS | {
    304: {"description": "The profile is the one of the given ETag"},
    404: {"description": "Nothing is known of the customer", **_PROBLEM},
}
OF_MANY: dict[int | str, dict[str, Any]] = _ERRORS | {
    400: {"description": "The body is no JSON", **_PROBLEM},
    413: {"description": "The body is too large", **_PROBLEM},
}
OF_CONTENT: dict[int | str, dict[str, Any]] = _ERRORS | {
    200: {"description": "The content or its fallback", "content": {"text/html": {}, "text/plain": {}}},
    404: {"description": "There is no such slot", **_PROBLEM},
}


class ProfileAnswer(BaseModel):
    """The profile of a customer."""

    customer_id: str
    status: Literal["active", "suppressed", "erased", "new", "fallback"] = Field(
        description="active: profile and signals are there. suppressed: must not be written to, nothing else is said."
        " erased: was deleted. new: no profile of the batch side yet. fallback: no store answered in time"
    )
    reason: str | None = Field(description="Why a customer is suppressed")
    profile: dict[str, Any] | None = Field(description="Facts of the batch side, of somebody who is active")
    signals: dict[str, Any] = Field(description="What the customer has just done")
    as_of: datetime | None = Field(description="Time of the newest thing that it knows")
    staleness_seconds: float | None = Field(description="How long ago that is")
    source: str = Field(description="The stores that answered, e.g. redis+sqlite; or cache, or fallback")
    missing: list[str] = Field(description="Stores that did not answer in time: the profile may lack what they have")


class AnswerOfId(ProfileAnswer):
    """The profile of a customer, and what was asked for."""

    id: str


class ManyAnswers(BaseModel):
    """Profiles of several customers."""

    profiles: list[AnswerOfId]
    unknown: list[str] = Field(description="Ids of whom nothing is known")


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """The body of batchGet."""

    ids: list[str]


ASKED_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["ids"],
    "additionalProperties": False,
    "properties": {
        "ids": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_AT_ONCE,
            "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID},
        }
    },
}
_DEADLINE_PARAMETER = {
    "name": DEADLINE,
    "in": "header",
    "required": False,
    "description": "Milliseconds in which the caller wants an answer",
    "schema": {"type": "integer", "minimum": LEAST_MS, "maximum": MOST_MS, "default": DEFAULT_MS},
}
EXTRA: dict[str, Any] = {"security": [{"key": []}], "parameters": [_DEADLINE_PARAMETER]}


def deadline_seconds(request: Request) -> float:
    """How long stores may take to be read, so that the answer is there in time."""
    given = request.headers.get(DEADLINE, str(DEFAULT_MS)).strip()
    if not (given.isascii() and given.isdigit() and len(given) < 9 and LEAST_MS <= int(given) <= MOST_MS):
        raise ProblemError(422, f"{DEADLINE} is a whole number of milliseconds, {LEAST_MS} to {MOST_MS}")
    return int(given) * 0.8 / 1000


async def ids_of_body(request: Request) -> list[str]:
    """The ids that batchGet is asked for.

    Raises:
        ProblemError: 400, 413 or 422.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST:
            raise ProblemError(413, f"the body has more than {_LARGEST:,} bytes")
    try:
        ids = msgspec.json.decode(body, type=Asked).ids
    except msgspec.ValidationError:
        raise ProblemError(422, 'the body has to be {"ids": [...]} with texts and nothing else') from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProblemError(400, "the body is no JSON in UTF-8") from None
    if not 1 <= len(ids) <= MOST_AT_ONCE or not all(1 <= len(each) <= LONGEST_ID for each in ids):
        raise ProblemError(
            422, f"1 to {MOST_AT_ONCE} ids are asked for at once, each with 1 to {LONGEST_ID} characters"
        )
    return ids
