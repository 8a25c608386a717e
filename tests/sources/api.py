"""A JSON API on loopback that misbehaves on request."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "t0ken"


@dataclass
class Answer:
    """What the API says: a status, headers, and a body (JSON unless it is bytes)."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    cut: bool = False  # announce the whole body, send half of it


@dataclass
class Api:
    """The server: `answer(path, query)` decides; every request is kept as (path, query, seconds), and its headers.

    `wants` is the header it lets in; None lets everybody in.
    """

    url: str
    answer: Callable[[str, dict[str, str]], Answer] = lambda path, query: Answer([])
    requests: list[tuple[str, dict[str, str], float]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    wants: tuple[str, str] | None = ("Authorization", f"Bearer {TOKEN}")
    troubles: list[Answer] = field(default_factory=list)  # said before the true answer, one a request

    @property
    def queries(self) -> list[dict[str, str]]:
        return [query for _, query, _ in self.requests]


@contextmanager
def serve() -> Iterator[Api]:
    """Start the API on a free port; TOKEN is expected as bearer by default."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            api.requests.append((parts.path, query, time.monotonic()))
            api.headers.append(dict(self.headers))
            if api.wants is not None and self.headers.get(api.wants[0]) != api.wants[1]:
                self._send(Answer({"error": "who are you"}, 401))
            else:
                self._send(api.troubles.pop(0) if api.troubles else api.answer(parts.path, query))

        def _send(self, answer: Answer) -> None:
            time.sleep(answer.delay)
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in (
                {"Content-Type": "application/json", "Content-Length": str(len(body))} | answer.headers
            ).items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body[: len(body) // 2] if answer.cut else body)
            except OSError:
                return  # the client has given up waiting, as a test wants it to

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api = Api(f"http://127.0.0.1:{server.server_port}")
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
