"""Metrics of an application for Prometheus: how long its requests take, and what it counts itself, at `/metrics`."""

from __future__ import annotations

import time

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_OTHER = "other"  # paths that are no route: somebody else writes them, and each label costs memory


class WithMetrics:
    """An application whose requests are measured: seconds, by route and status.

    Args:
        app: the application.
        registry: where the measure is kept; one application may use it.
    """

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._seconds = Histogram(
            "lakehouse_http_request_seconds",
            "Seconds until the answer began, by route and status",
            ["route", "status"],
            buckets=_SECONDS,
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI wants it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", _OTHER)
                self._seconds.labels(route, str(message["status"])).observe(time.perf_counter() - begun)
            await send(message)

        await self._app(scope, receive, sending)


def metrics_route(registry: CollectorRegistry) -> Route:
    """`/metrics`, in the text format of Prometheus."""

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Route("/metrics", metrics, include_in_schema=False)
