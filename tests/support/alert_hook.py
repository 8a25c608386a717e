"""A web hook for alerts: a local HTTP server that keeps what it is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


@dataclass
class AlertHook:
    """Its address (which is a secret), what it received as (path, body), and the status that it answers."""

    url: str = ""
    received: list[tuple[str, Any]] = field(default_factory=list)
    status: int = 200


@contextmanager
def alert_hook() -> Iterator[AlertHook]:
    """A running hook."""
    hook = AlertHook()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.received.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hook.url = f"http://127.0.0.1:{server.server_port}/hook-secret"
        yield hook
        server.shutdown()
