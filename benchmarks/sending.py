"""Sending a large audience to a platform without a limit, compared with a bare asyncio loop that sends the same bytes.

`python -m benchmarks.sending compare [--platforms braze klaviyo] [--people 200000]` makes a home in --home, and prints
a table. For each platform, one after the other, with a server that only receives (benchmarks.receiving_server):

- `export`: the whole export, and the sending of it;
- `made`: a loop that reads the same plan and makes the same calls, with the same bodies, as many at once, and polls
  as often, by a plain client of httpx. It has no rates, consents, retries, journal, records and receipts;
- `ready`: the same loop with the recorded bodies of the export, so that it reads and makes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pyarrow.dataset  # noqa: F401 - delta-rs loads it, and pandas with it, when it reads the first table

from benchmarks.activation import AS_OF, CAMPAIGN, planned
from benchmarks.measure import measure
from benchmarks.receiving_answers import PLATFORMS as RECEIVING
from lakehouse.activation import export as exporting
from lakehouse.activation.destinations import PLATFORMS
from lakehouse.activation.destinations.platform import Answer, Call, Item
from lakehouse.activation.destinations.platform_kind import Audience
from lakehouse.activation.destinations.rates import Rate
from lakehouse.activation.export import export_campaign
from lakehouse.activation.payload.changed_fields import RowForm
from lakehouse.activation.sending.batch_delivery import rows_of
from lakehouse.activation.sending.packing import packed
from lakehouse.activation.sending.remote import BATCH_SIZE, BATCHES_AT_ONCE
from lakehouse.config.settings import settings
from lakehouse.window import BatchWindow

_NO_LIMIT = (Rate(1_000_000, 1),)
_OF_ACCOUNTS = {"user": "api", "list": "1"}
_ROOT = Path(__file__).parent.parent


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("step", choices=["compare", "export", "made", "ready"])
    arguments.add_argument("--platforms", nargs="+", default=list(RECEIVING), choices=RECEIVING)
    arguments.add_argument("--people", type=int, default=200_000)
    arguments.add_argument("--home", type=Path, default=Path("/tmp/lakehouse-sending"))
    arguments.add_argument("--port", type=int, default=18090)
    chosen = arguments.parse_args()
    if chosen.step == "compare":
        compare(chosen.home, chosen.platforms, chosen.people, chosen.port)
        return
    (platform,) = chosen.platforms
    steps: Mapping[str, Callable[[str, int], dict[str, Any]]] = {
        "export": _export,
        "made": lambda *given: asyncio.run(_made(*given)),
        "ready": lambda *given: asyncio.run(_ready(*given)),
    }
    print(json.dumps(steps[chosen.step](platform, chosen.port)))


def compare(home: Path, platforms: list[str], people: int, port: int) -> None:
    """Print a line for each platform: profiles a second, seconds, ratios and peak memory."""
    env = os.environ | {"LAKEHOUSE_HOME": str(home), "LAKEHOUSE_CONF": str(home / "conf"), "MAILS_KEY": "key"}
    python = [sys.executable, "-m"]
    subprocess.run([*python, "benchmarks.activation", "build", "--people", str(people)], env=env, cwd=_ROOT, check=True)
    print("| platform | profiles/s | seconds (CPU) | loop that makes the bodies | loop with ready ones | peak GiB |")
    for platform in platforms:
        record = home / f"{platform}.calls"
        record.unlink(missing_ok=True)
        found: dict[str, Any] = {}
        peaks: dict[str, float] = {}
        for step in ("export", "made", "ready"):
            with _receiving(platform, port, record if step == "export" else None):
                command = [*python, "benchmarks.sending", step, "--platforms", platform, "--port", str(port)]
                measured = measure(command, env, _ROOT, home)
            assert measured.returncode == 0, measured.output
            found[step], peaks[step] = json.loads(measured.output.splitlines()[-1]), measured.peak_gib
        assert found["made"]["bytes"] == found["ready"]["bytes"], "the loops have not sent the same"
        record.unlink()
        ours = found["export"]
        cells = [platform, round(ours["found"] / ours["seconds"]), f"{ours['seconds']:.1f} ({ours['cpu']:.1f})"]
        for step in ("made", "ready"):
            ratios = (found[step][unit] / ours[unit] for unit in ("seconds", "cpu"))
            cells.append("{:.2f} (CPU {:.2f})".format(*ratios))
        print(f"| {' | '.join(map(str, cells))} | {peaks['export']:.2f} |", flush=True)


@contextmanager
def _receiving(platform: str, port: int, record: Path | None) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.receiving_server", "--platform", platform, "--port", str(port)]
    command += ["--record", str(record)] if record else []
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            server.terminate()


def _export(platform: str, port: int) -> dict[str, Any]:
    kind = PLATFORMS[platform]
    free = replace(kind.capabilities, rates=dict.fromkeys(kind.capabilities.rates, _NO_LIMIT))
    PLATFORMS[platform] = replace(kind, capabilities=free)
    _declare(platform, port, f"export_{platform}")
    sending: dict[str, float] = {}
    send = exporting.send

    def timed(*given: Any) -> None:
        taken = _watch()
        send(*given)
        sending.update(taken())

    exporting.send = timed
    whole = _watch()
    (outcome,) = export_campaign("thanks", BatchWindow(AS_OF, AS_OF, "bench", AS_OF))
    return {"found": outcome.loaded, "whole": whole()["seconds"], **sending}


def _watch() -> Callable[[], dict[str, float]]:
    """What says how many seconds have passed since, and how many of the processor's this process has used."""
    began, used = time.monotonic(), time.process_time()
    return lambda: {
        "seconds": round(time.monotonic() - began, 3),
        "cpu": round(time.process_time() - used, 3),
    }


def _declare(platform: str, port: int, account: str) -> None:
    needs = {name: _OF_ACCOUNTS[name] for name in PLATFORMS[platform].needs if name in _OF_ACCOUNTS}
    declared = {"destination": platform, "base_url": f"http://127.0.0.1:{port}", "secret": "${MAILS_KEY}", **needs}
    conf = settings().conf
    (conf / "destinations.yml").write_text(json.dumps({"accounts": {account: declared}}), encoding="utf-8")
    campaigns = {"thanks": CAMPAIGN | {"platform": account}}
    (conf / "campaigns.yml").write_text(json.dumps({"campaigns": campaigns}), encoding="utf-8")


async def _made(platform: str, port: int) -> dict[str, Any]:
    """Batches of the plan, as many at once as an export has; the module of the platform makes the bodies."""
    _declare(platform, port, f"made_{platform}")
    kind = PLATFORMS[platform]
    limits, there = kind.capabilities, kind.open(Audience("thanks", _OF_ACCOUNTS["list"]))
    slots, batches = asyncio.Semaphore(limits.connections), asyncio.Semaphore(BATCHES_AT_ONCE)
    sent = 0
    with planned() as plan:
        taken = _watch()
        async with _client(platform, port) as client, asyncio.TaskGroup() as tasks:

            async def call(one: Call) -> Answer:
                nonlocal sent
                answer = await client.request(one.method, one.path, content=one.content, headers=dict(one.headers))
                answer.raise_for_status()
                sent += len(one.content)
                return Answer(answer.status_code, answer.headers, answer.content)

            async def deliver(items: list[Item]) -> None:
                async with slots:
                    await there.deliver(items, call)

            async def batch(calls: list[list[Item]]) -> None:
                await asyncio.gather(*map(deliver, calls))
                batches.release()

            form = RowForm(limits.identity == "email", limits.keeps_other_fields)
            for table in plan.operations(BATCH_SIZE, form):
                await batches.acquire()
                items = [Item(row, there.encode(row)) for row in rows_of(table)]
                tasks.create_task(batch(list(packed(items, limits))))
        return {"bytes": sent, **taken()}


async def _ready(platform: str, port: int) -> dict[str, Any]:
    """Workers that take the next recorded call each, as many as the platform takes calls at once."""
    calls = _recorded(settings().home / f"{platform}.calls")
    sent = 0

    async def work(client: httpx.AsyncClient) -> None:
        nonlocal sent
        for method, path, body in calls:
            answer = await client.request(method, path, content=body)
            answer.raise_for_status()
            sent += len(body)

    taken = _watch()
    async with _client(platform, port) as client:
        workers: list[Awaitable[None]] = [work(client) for _ in range(PLATFORMS[platform].capabilities.connections)]
        await asyncio.gather(*workers)
    return {"bytes": sent, **taken()}


def _client(platform: str, port: int) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=PLATFORMS[platform].capabilities.connections)
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=60)


def _recorded(record: Path) -> Iterator[tuple[str, str, bytes]]:
    with record.open("rb") as file:
        while head := file.read(8):
            of_call, of_body = struct.unpack(">II", head)
            method, path = json.loads(file.read(of_call))
            yield method, path, file.read(of_body)


if __name__ == "__main__":
    main()
