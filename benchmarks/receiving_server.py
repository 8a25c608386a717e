"""A platform that only receives: it reads a request and answers at once, so that it is not what limits a sender.

`python -m benchmarks.receiving_server --platform klaviyo --port 18090 [--record FILE]`. Recorded requests are what
`benchmarks.sending` sends again without any lakehouse.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
from typing import BinaryIO

from benchmarks.receiving_answers import PLATFORMS, Answering, answering

_HEAD_END = b"\r\n\r\n"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class _Receiving(asyncio.Protocol):
    def __init__(self, answer: Answering, record: BinaryIO | None) -> None:
        self._answer, self._record = answer, record
        self._parts: list[bytes] = []
        self._size, self._wanted = 0, 0  # bytes received, bytes of the whole request once its head is known

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if not self._wanted:
            self._parts = [b"".join(self._parts)]
            end = self._parts[0].find(_HEAD_END)
            if end < 0:
                return
            self._wanted = end + len(_HEAD_END) + _length(self._parts[0][:end])
        if self._size < self._wanted:
            return
        head, _, body = b"".join(self._parts).partition(_HEAD_END)
        self._parts, self._size, self._wanted = [], 0, 0
        method, path, _ = head.split(b"\r\n", 1)[0].split(b" ")
        if self._record is not None:
            _write(self._record, method, path, body)
        said = self._answer(path, body)
        self._transport.write(_HEAD % len(said) + said)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _write(record: BinaryIO, method: bytes, path: bytes, body: bytes) -> None:
    call = json.dumps([method.decode(), path.decode()]).encode()
    record.write(struct.pack(">II", len(call), len(body)) + call + body)
    record.flush()


async def _serve(platform: str, port: int, record: BinaryIO | None) -> None:
    answer = answering(platform)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Receiving(answer, record), "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--platform", choices=PLATFORMS, required=True)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--record")
    chosen = arguments.parse_args()
    record = open(chosen.record, "ab") if chosen.record else None  # noqa: SIM115 - until the process ends
    asyncio.run(_serve(chosen.platform, chosen.port, record))


if __name__ == "__main__":
    main()
