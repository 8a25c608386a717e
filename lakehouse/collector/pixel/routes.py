"""The pixel's script as it is written, compressed once, and the page of the demo shop."""

from __future__ import annotations

import gzip
import hashlib
import html
from collections.abc import Awaitable, Callable
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

_Endpoint = Callable[[Request], Awaitable[Response]]
_FILES = files(__package__)
_SECONDS = 3600  # a browser uses its copy


def pixel_routes(demo_key: str) -> list[Route]:
    """`/v1/pixel.js`, and `/demo/shop` when there is a write key for it.

    Args:
        demo_key: the write key of the demo shop, which everybody can read there; empty = no demo shop.
    """
    routes = [Route("/v1/pixel.js", _script())]
    return [*routes, Route("/demo/shop", _shop(demo_key))] if demo_key else routes


def _script() -> _Endpoint:
    plain = _FILES.joinpath("pixel.js").read_bytes()
    compressed = gzip.compress(plain, mtime=0)
    tag = f'W/"{hashlib.sha256(plain).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={_SECONDS}", "Vary": "Accept-Encoding"}

    async def script(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            encoded = headers | {"Content-Encoding": "gzip"}
            return Response(compressed, media_type="text/javascript", headers=encoded)
        return Response(plain, media_type="text/javascript", headers=headers)

    return script


def _shop(key: str) -> _Endpoint:
    page = _FILES.joinpath("shop.html").read_text("utf-8").replace("{{ write_key }}", html.escape(key))

    async def shop(_: Request) -> Response:
        return HTMLResponse(page, headers={"Cache-Control": "no-store"})

    return shop
