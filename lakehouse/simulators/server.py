"""A simulator as a server on loopback."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lakehouse.errors import TransientError
from lakehouse.simulators.app import RESET
from lakehouse.simulators.fault_file import Fault
from lakehouse.simulators.inspection import application
from lakehouse.simulators.platform import Platform
from lakehouse.utils.ports import occupant

HOST = "127.0.0.1"
_NO_LINGER = struct.pack("ii", 1, 0)  # what is closed like this sends RST instead of FIN


class PortInUseError(TransientError):
    """Another program listens on the port."""

    def __init__(self, port: int, program: str) -> None:
        super().__init__(f"port {port} is in use by {program}", "Choose another one with --port, or end that program.")


def server(platform: Platform, port: int, faults: Sequence[Fault] = ()) -> uvicorn.Server:
    """A server that is not running yet: `run()` serves until a signal, or `should_exit`, ends it.

    Raises:
        PortInUseError: another program listens on the port.
    """
    if program := occupant(HOST, port):
        raise PortInUseError(port, program)
    config = uvicorn.Config(
        application(platform, faults),
        host=HOST,
        port=port,
        http=_Resettable,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


class _Resettable(HttpToolsProtocol):
    """HTTP/1.1 whose applications can reset the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection (asyncio)."""
        super().connection_made(transport)
        self.app: Any = partial(_with_reset, self.app, partial(_reset, transport))


async def _with_reset(app: ASGIApp, reset: Callable[[], None], scope: Scope, receive: Receive, send: Send) -> None:
    await app({**scope, RESET: reset}, receive, send)


def _reset(transport: asyncio.Transport) -> None:
    sock: socket.socket = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
