"""Error answers as application/problem+json (RFC 9457): they say what is wrong with the request, never quote it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class ProblemError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: of the answer, 400 to 599.
        detail: what is wrong, for a person.
        headers: more headers of the answer, such as Retry-After.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.detail, self.headers = status, detail, dict(headers or {})
        super().__init__(f"{status}: {detail}")


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer for a problem."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def answer_problem(_: Request, error: Exception) -> Response:
    """Exception handler of an application for ProblemError."""
    assert isinstance(error, ProblemError)
    return problem(error.status, error.detail, error.headers)


async def answer_http_error(_: Request, error: Exception) -> Response:
    """Exception handler for errors of the framework: no such page, no such method."""
    status = getattr(error, "status_code", 500)
    return problem(status, HTTPStatus(status).description or HTTPStatus(status).phrase)
