"""HTTP connections to one account: a few, each with one call at a time.

A client of httpx looks through all connections of its pool several times a call, and follows redirects and keeps
cookies, which nobody wants here. Its transports do the work, one for each connection.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import cache
from types import TracebackType

import httpx

from lakehouse.activation.destinations.platform import Answer, Call

_BYTES_OF_ANSWER = 32 * 2**20
# What every client says; the headers of an account may say otherwise.
_USUAL = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate", "User-Agent": "lakehouse"}


class Connections:
    """Sends calls below a base URL, as many at once as there are connections; an asynchronous context manager.

    Credentials in `headers` stay with the address they were given for: redirects are answers like others.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], count: int, timeout: httpx.Timeout) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = httpx.Headers(_USUAL)
        self._headers.update(headers)
        self._count, self._extensions = count, {"timeout": timeout.as_dict()}
        self._free: asyncio.LifoQueue[httpx.AsyncHTTPTransport] = asyncio.LifoQueue()

    async def __aenter__(self) -> Connections:
        self._open = AsyncExitStack()
        for _ in range(self._count):
            one = httpx.AsyncHTTPTransport(
                verify=_certificates(), trust_env=False, limits=httpx.Limits(max_connections=1)
            )
            self._free.put_nowait(await self._open.enter_async_context(one))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def send(self, call: Call) -> Answer:
        """The answer, whatever its status; httpx.TransportError when there is none."""
        headers = self._headers
        if call.headers:
            headers = headers.copy()
            headers.update(call.headers)
        url = self._base_url + call.path
        request = httpx.Request(call.method, url, headers=headers, content=call.content, extensions=self._extensions)
        transport = await self._free.get()
        try:
            answer = await transport.handle_async_request(request)
            try:
                content = await _read(answer)
            finally:
                await answer.aclose()
        finally:
            self._free.put_nowait(transport)
        return Answer(answer.status_code, answer.headers, content)


@cache
def _certificates() -> ssl.SSLContext:
    """Whom every account of this process trusts: loading them takes 40 ms."""
    return httpx.create_ssl_context(trust_env=False)


async def _read(answer: httpx.Response) -> bytes:
    """The body, up to a limit: what is larger is cut, and cannot be parsed then."""
    parts: list[bytes] = []
    size = 0
    async for part in answer.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > _BYTES_OF_ANSWER:
            break
    return b"".join(parts)
