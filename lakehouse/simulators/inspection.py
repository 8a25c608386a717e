"""The web application of a simulator: the platform's own paths, and below /_sim what it holds, what it received, which
scripted faults happened, and what persons do there by themselves."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import get_args

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from lakehouse.simulators.app import Simulator
from lakehouse.simulators.fault_file import Fault
from lakehouse.simulators.platform import Happening, Platform


def application(platform: Platform, faults: Sequence[Fault] = ()) -> Starlette:
    """The web application of one platform, with scripted faults.

    It answers under this machine's own names only: a page in a browser must not reach it under another one. With a
    token, what is below /_sim asks for it as `Authorization: Bearer <token>`.
    """
    played = Simulator(platform, faults)

    async def state(request: Request) -> Response:
        now, query = platform.options.clock(), request.query_params
        platform.settle(now)
        return JSONResponse(platform.state(now, query.getlist("key") or None, query.get("people") != "no"))

    async def requests(request: Request) -> Response:
        return JSONResponse(played.log.shown(request.query_params.get("bodies") != "no"))

    async def happenings(request: Request) -> Response:
        return JSONResponse(played.plan.shown())

    async def happened(request: Request) -> Response:
        told, known, now = await request.json(), get_args(Happening), platform.options.clock()
        if not isinstance(told, dict) or not isinstance(told.get("email"), str) or told.get("what") not in known:
            return JSONResponse({"error": f"expected an object with email, and what: one of {', '.join(known)}"}, 400)
        platform.settle(now)
        platform.happened(told["email"], told["what"], now)
        return JSONResponse({"email": told["email"], "what": told["what"]})

    looked_at = Router(
        [
            Route("/state", state),
            Route("/requests", requests),
            Route("/faults", happenings),
            Route("/happened", happened, methods=["POST"]),
        ]
    )
    return Starlette(
        routes=[Mount("/_sim", _Guarded(looked_at, platform.options.token)), Mount("/", played)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


class _Guarded:
    """An application that asks for a token, if there is one."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._expected = app, f"Bearer {token}".encode() if token else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = Request(scope).headers.get("authorization", "").encode()
        if self._expected and not secrets.compare_digest(given, self._expected):
            refusal = JSONResponse({"error": "expected the header Authorization: Bearer <token of the simulator>"}, 401)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)
