"""Events at a fixed rate, and probes: customers of whom it is asked again and again until their event can be read."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

_CONNECTIONS = 16
_PRODUCTS = 500
_SECONDS_BETWEEN = 20  # events of one person
_PROBES_A_SECOND = 10
_ASKED_AT_ONCE = 50


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed; not a number when there is none."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else float("nan")


class Client:
    """One HTTP connection after another request; as little work as possible beside what is measured."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = asyncio.Queue()
        for _ in range(_CONNECTIONS):
            self._free.put_nowait(None)

    async def ask(self, path: str, authorization: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Status and body of the answer to a POST."""
        reader, writer = await self._free.get() or await asyncio.open_connection("127.0.0.1", self._port, limit=2**22)
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: {authorization}\r\nx-deadline-ms: 5000\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        answered = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = next(line for line in answered.split(b"\r\n") if line.startswith(b"content-length:"))
        answer = await reader.readexactly(int(length.partition(b":")[2]))
        self._free.put_nowait((reader, writer))
        return int(answered.split()[1]), json.loads(answer)


class Probes:
    """Customers of whom one event was posted, and when it could be read.

    Args:
        look: the products that some customers viewed last, by customer.
    """

    def __init__(self, look: Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]) -> None:
        self._look = look
        self._waiting: dict[str, float] = {}
        self._took: list[float] = []

    def add(self, customer_id: str, accepted_at: float) -> None:
        """From now on it is looked for this one."""
        self._waiting[customer_id] = accepted_at

    async def watch(self, pause_seconds: float) -> None:
        """Look until the task is cancelled."""
        while True:
            if asked := list(self._waiting)[:_ASKED_AT_ONCE]:
                found = await self._look(asked)
                now = time.perf_counter()
                self._took += [now - self._waiting.pop(name) for name in found]
            await asyncio.sleep(pause_seconds)

    async def until_seen(self, seconds: float) -> None:
        """Wait until all were seen, or so long."""
        until = time.monotonic() + seconds
        while self._waiting and time.monotonic() < until:
            await asyncio.sleep(0.05)

    def result(self) -> dict[str, float]:
        """Seconds."""
        took = {"p50": quantile(self._took, 0.5), "p99": quantile(self._took, 0.99)}
        return {**{name: round(value, 3) for name, value in took.items()}, "unseen": len(self._waiting)}


class Poster:
    """Posts batches of events to the collector.

    Attributes:
        took: seconds until each answer.
    """

    def __init__(self, port: int, key: str, batch: int) -> None:
        self._client, self._batch = Client(port), batch
        self._login = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
        self._random = random.Random(1)
        self._number, self._people = 0, 1
        self.took: list[float] = []

    async def post(self, rate: int, seconds: int, probes: Sequence[Probes]) -> int:
        """Post at a rate, whether or not earlier requests were answered; the number of events."""
        count = rate * seconds // self._batch
        self._people = rate * _SECONDS_BETWEEN
        began, next_probe = time.perf_counter(), 0.0
        async with asyncio.TaskGroup() as asked:
            for number in range(count):
                due = number * self._batch / rate
                await asyncio.sleep(max(began + due - time.perf_counter(), 0))
                is_probe = bool(probes) and due >= next_probe
                next_probe += is_probe / _PROBES_A_SECOND
                asked.create_task(self._post(probes if is_probe else ()))
        return count * self._batch

    async def _post(self, probes: Sequence[Probes]) -> None:
        events = [self._event() for _ in range(self._batch)]
        self._number += 1
        customer_id = f"probe-{self._number}"
        if probes:
            events[-1] |= {"userId": customer_id, "type": "track", "event": "Product Viewed"}
            events[-1]["properties"] = {"product_id": "P1"}
        began = time.perf_counter()
        status, answer = await self._client.ask("/v1/batch", self._login, {"batch": events})
        accepted = time.perf_counter()
        if status != 200 or answer != {"success": True}:
            raise AssertionError(f"the collector answered {status}: {answer}")
        self.took.append(accepted - began)
        for each in probes:
            each.add(customer_id, accepted)

    def _event(self) -> dict[str, Any]:
        draw = self._random
        product = draw.randrange(_PRODUCTS)
        properties = {
            "product_id": f"P{product}",
            "name": f"Product number {product}",
            "category": f"category {product % 20}",
            "price": 9.9,
            "url": f"https://shop.example/products/P{product}",
        }
        kind = draw.choices(("page", "Product Viewed", "Product Added", "Order Completed"), (50, 40, 8, 2))[0]
        event = {"type": "page", "name": "Product"} if kind == "page" else {"type": "track", "event": kind}
        if kind == "Order Completed":
            properties = {"order_id": f"O{draw.getrandbits(40)}", "revenue": 25.5, "currency": "EUR"}
        return event | {
            "messageId": f"{draw.getrandbits(96):x}",
            "userId": f"c{draw.randrange(self._people)}",
            "properties": properties,
            "context": {"userAgent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/130.0"},
        }
