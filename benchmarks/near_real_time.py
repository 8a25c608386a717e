"""From an event that the collector has taken to the profile in which it can be read, beside a bare consumer.

`python -m benchmarks.near_real_time --rate 500 --batch 10 --seconds 60` starts Kafka, Redis, collector, streaming job
and profile API in a home of its own, posts events at that rate, and prints as JSON: seconds from the collector's answer
until the profile API has it (p50, p99), the same of a bare Kafka consumer that writes to Redis (in the same run), CPU
microseconds that each program takes for an event, how far each query was behind (events, every five seconds) and the
load of the machine. The query of bronze runs beside it all. `--rate 3000 --batch 100 --seconds 300` shows whether that
is sustained.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import redis
from confluent_kafka import Consumer

from benchmarks.near_real_time_load import Client, Poster, Probes, quantile
from benchmarks.stream_lag import behind, cpu_seconds
from lakehouse.config.settings import settings
from lakehouse.kafka.access import kafka_access
from lakehouse.kafka.topics import WEB_EVENTS
from lakehouse.keys.store import create_key
from lakehouse.profiles.redis_access import redis_url
from lakehouse.services.near_real_time import GROUP as PROGRAMS
from lakehouse.services.servers import GROUP as SERVERS
from lakehouse.services.stream_job import stream_folder
from lakehouse.streaming.signals_query import SIGNALS_STATE
from lakehouse.utils.processes import wait_for
from tests.support.homes import ROOT
from tests.support.near_real_time import started_in

_POLL_SECONDS, _LAG_SECONDS = 0.02, 5.0
_CAUGHT_UP_SECONDS, _LONGEST_WARM_UP = 15, 60
_BARE = "bare:"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rate", type=int, default=500, help="events a second")
    arguments.add_argument("--batch", type=int, default=10, help="events of a request")
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--warm-up", type=int, default=20, help="seconds of the same load before, at least")
    arguments.add_argument("--no-peer", action="store_true", help="without the bare consumer")
    arguments.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.bare:
        _consume_bare()
        return
    with tempfile.TemporaryDirectory(prefix="lakehouse-bench-") as folder, started_in(Path(folder), "realtime", "up"):
        print(json.dumps(asyncio.run(_measured(Path(folder), chosen))))


async def _measured(home: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    writer, reader = create_key(home, "collect")[1], create_key(home, "profiles")[1]
    poster = Poster(settings().collector_port, writer, chosen.batch)
    ours = _in_profiles(Client(settings().profile_api_port), reader)
    with _bare_consumer(not chosen.no_peer) as bare:
        await _warm_up(poster, chosen.rate, chosen.warm_up)
        before, began = {**cpu_seconds(SERVERS), **cpu_seconds(PROGRAMS)}, time.monotonic()
        probes = [Probes(look) for look in (ours, bare) if look is not None]
        watching = [asyncio.create_task(each.watch(_POLL_SECONDS)) for each in probes]
        lags: list[dict[str, int]] = []
        sampling = asyncio.create_task(_sample(lags))
        posted = await poster.post(chosen.rate, chosen.seconds, probes)
        seconds = time.monotonic() - began
        after = {**cpu_seconds(SERVERS), **cpu_seconds(PROGRAMS)}
        for each in probes:
            await each.until_seen(60)
        for task in (sampling, *watching):
            task.cancel()
    found = {name: each.result() for name, each in zip(("profile", "bare"), probes, strict=False)}
    return {
        "events": posted,
        "events_a_second": round(posted / seconds),
        **found,
        "accept_p99": round(quantile(poster.took, 0.99), 3),
        "cpu_us_an_event": {name: round((after[name] - before[name]) / posted * 1e6) for name in after},
        "behind": {name: [lag[name] for lag in lags] for name in (lags[0] if lags else ())},
        "load": [round(value, 1) for value in os.getloadavg()],
    }


async def _warm_up(poster: Poster, rate: int, seconds: int) -> None:
    """The same load until the job has caught up: the first batches of a new JVM take many seconds."""
    await poster.post(rate, seconds, [])
    for _ in range(_LONGEST_WARM_UP):
        lag = await asyncio.to_thread(behind, WEB_EVENTS, _checkpoints())
        if all(events < rate * _CAUGHT_UP_SECONDS for events in lag.values()):
            return
        await poster.post(rate, 5, [])
    raise SystemExit(f"the job did not catch up: {lag}")


def _checkpoints() -> list[Path]:
    folder = stream_folder(settings()) / "checkpoints"
    return [folder / "bronze", folder / SIGNALS_STATE]


def _in_profiles(client: Client, key: str) -> Callable[[Sequence[str]], Any]:
    """Asks the profile API for the products that these customers viewed last."""

    async def look(customer_ids: Sequence[str]) -> dict[str, str]:
        status, body = await client.ask("/v1/profiles:batchGet", f"Bearer {key}", {"ids": list(customer_ids)})
        profiles = body["profiles"] if status == 200 else []
        viewed = {each["id"]: each["signals"].get("last_viewed") for each in profiles}
        return {name: product["product_id"] for name, product in viewed.items() if product}

    return look


async def _sample(lags: list[dict[str, int]]) -> None:
    while True:
        lags.append(await asyncio.to_thread(behind, WEB_EVENTS, _checkpoints()))
        await asyncio.sleep(_LAG_SECONDS)


@contextmanager
def _bare_consumer(wanted: bool) -> Iterator[Callable[[Sequence[str]], Any] | None]:
    """The peer in a process of its own, and how to look for what it has written."""
    if not wanted:
        yield None
        return
    client = redis.asyncio.Redis.from_url(redis_url(settings()))

    async def look(customer_ids: Sequence[str]) -> dict[str, str]:
        found = await client.mget([_BARE + name for name in customer_ids])
        return {name: str(value) for name, value in zip(customer_ids, found, strict=True) if value}

    process = subprocess.Popen([sys.executable, "-m", "benchmarks.near_real_time", "--bare"], cwd=ROOT, env=os.environ)
    try:
        with closing(redis.Redis.from_url(redis_url(settings()))) as waiting:
            assert wait_for(lambda: bool(waiting.exists(_BARE)), 60)
        yield look
    finally:
        process.terminate()
        process.wait(20)


def _consume_bare() -> None:
    """Read events and write the product viewed last of each customer, as plainly as it can be done."""
    access = kafka_access(settings()).for_librdkafka()
    consumer = Consumer(access | {"group.id": "bare", "auto.offset.reset": "latest", "enable.auto.commit": False})
    client = redis.Redis.from_url(redis_url(settings()))
    consumer.subscribe([WEB_EVENTS.name], on_assign=lambda *_: client.set(_BARE, 1))
    while True:
        messages = consumer.consume(500, timeout=0.01)
        viewed: dict[str, str] = {}
        for message in messages:
            event = json.loads(message.value())
            if event.get("event_name") == "Product Viewed":
                viewed[_BARE + event["user_id"]] = event["properties"]["product_id"]
        if viewed:
            client.mset(viewed)


if __name__ == "__main__":
    main()
