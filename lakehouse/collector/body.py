"""The body of a request as a JSON value: decompressed, within its limits, or a problem with its status."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request

from lakehouse.web.problem import ProblemError

DEEPEST = 16  # objects and arrays within each other
READ_SECONDS = 10.0
_TYPES = ("application/json", "text/plain")  # the latter is what a page may send without asking first


async def read_json(request: Request, most_bytes: int) -> Any:
    """The value that the body of the request holds.

    Raises:
        ProblemError: 400 for what is no JSON or too deep, 408 for a body that does not come, 413 for one that is
            larger than `most_bytes` when decompressed, 415 for other types and encodings.
    """
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind not in _TYPES:
        raise ProblemError(415, "the body must be application/json")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("gzip", "identity"):
        raise ProblemError(415, "the body may be compressed with gzip only", {"Accept-Encoding": "gzip"})
    body = await read_bytes(request, most_bytes)
    return parsed(unpacked(body, most_bytes) if encoding == "gzip" else body)


async def read_bytes(request: Request, most_bytes: int) -> bytes:
    """The body as it was sent.

    Raises:
        ProblemError: 400 when it is incomplete, 408 when it does not come, 413 when it is larger than `most_bytes`.
    """
    _check_declared(request.headers, most_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most_bytes:
                    raise too_large(most_bytes)
    except TimeoutError:
        raise ProblemError(
            408, f"the body did not arrive within {READ_SECONDS:.0f} s", {"Connection": "close"}
        ) from None
    except ClientDisconnect:
        raise ProblemError(400, "the body is incomplete") from None
    return bytes(body)


def _check_declared(headers: Mapping[str, str], most_bytes: int) -> None:
    declared = headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > most_bytes:
        raise too_large(most_bytes)


def unpacked(body: bytes, most_bytes: int) -> bytes:
    """A gzip body without its compression; never more than the limit is unpacked."""
    stream = zlib.decompressobj(wbits=31)
    try:
        found = stream.decompress(body, most_bytes + 1)
    except zlib.error:
        raise ProblemError(400, "the body is not valid gzip") from None
    if len(found) > most_bytes:
        raise too_large(most_bytes)
    if not stream.eof or stream.unused_data:
        raise ProblemError(400, "the body is not one whole gzip stream")
    return found


def parsed(body: bytes) -> Any:
    """The JSON value of a body."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ProblemError(400, "the body is not valid JSON in UTF-8") from None
    except RecursionError:
        raise _too_deep() from None
    level = [found]
    for _ in range(DEEPEST + 1):
        level = [
            each
            for value in level
            if isinstance(value, dict | list)
            for each in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return found
    raise _too_deep()


def too_large(most_bytes: int) -> ProblemError:
    """The problem of a body that is larger than allowed."""
    return ProblemError(413, f"the body is larger than {most_bytes // 1024} KiB", {"Connection": "close"})


def _too_deep() -> ProblemError:
    return ProblemError(400, f"the body has more than {DEEPEST} objects and arrays within each other")
