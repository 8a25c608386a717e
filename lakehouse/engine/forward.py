"""Connections to a Unix socket are passed on to a TCP port of the same process, both ways, unchanged."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

_CHUNK_BYTES = 256 * 1024
_GLANCE_SECONDS = 1.0


def forward(listener: socket.socket, target: tuple[str, int], goes_on: Callable[[], bool]) -> None:
    """Accept and pass on connections, until `goes_on`, asked about once a second, says no."""
    listener.settimeout(_GLANCE_SECONDS)
    while goes_on():
        with contextlib.suppress(TimeoutError):
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, target), daemon=True).start()


def _serve(client: socket.socket, target: tuple[str, int]) -> None:
    with client, contextlib.suppress(ConnectionError), socket.create_connection(target) as server:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = threading.Thread(target=_pump, args=(server, client), daemon=True)
        answers.start()
        _pump(client, server)
        answers.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what comes until one end closes, and then close both."""
    chunk = memoryview(bytearray(_CHUNK_BYTES))
    with contextlib.suppress(OSError):
        while count := source.recv_into(chunk):
            sink.sendall(chunk[:count])
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
