"""Sending a large audience to a platform without a limit, and a bare asyncio loop that sends the same bytes.

`python -m benchmarks.sending export|bare --platform klaviyo --port 18090 --account a1 [--record FILE]` works in the
home that `benchmarks.activation build` has made, with `benchmarks.receiving_server` listening. `export` prints the
seconds of the whole export and of the sending; `bare` those of the loop. Each account is a platform without anybody.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pyarrow.dataset  # noqa: F401 - delta-rs loads it, and pandas with it, when it reads the first table

from benchmarks.activation import AS_OF, CAMPAIGN
from lakehouse.activation import export as exporting
from lakehouse.activation.destinations import PLATFORMS
from lakehouse.activation.destinations.rates import Rate
from lakehouse.activation.export import export_campaign
from lakehouse.config.settings import settings
from lakehouse.window import BatchWindow

_NO_LIMIT = (Rate(1_000_000, 1),)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("step", choices=["export", "bare"])
    arguments.add_argument("--platform", required=True)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--account", default="mails")
    arguments.add_argument("--record")
    chosen = arguments.parse_args()
    if chosen.step == "export":
        print(json.dumps(_export(chosen.platform, chosen.port, chosen.account)))
    else:
        print(json.dumps(asyncio.run(_bare(chosen.platform, chosen.port, chosen.record))))


def _export(platform: str, port: int, account: str) -> dict[str, Any]:
    kind = PLATFORMS[platform]
    free = replace(kind.capabilities, rates=dict.fromkeys(kind.capabilities.rates, _NO_LIMIT))
    PLATFORMS[platform] = replace(kind, capabilities=free)
    os.environ["MAILS_KEY"] = "key"
    declared = {"destination": platform, "base_url": f"http://127.0.0.1:{port}", "secret": "${MAILS_KEY}"}
    conf = settings().conf
    (conf / "destinations.yml").write_text(json.dumps({"accounts": {account: declared}}), encoding="utf-8")
    campaigns = {"thanks": CAMPAIGN | {"platform": account}}
    (conf / "campaigns.yml").write_text(json.dumps({"campaigns": campaigns}), encoding="utf-8")
    seconds: list[float] = []
    send = exporting.send

    def timed(*given: Any) -> None:
        began = time.monotonic()
        send(*given)
        seconds.append(time.monotonic() - began)

    exporting.send = timed
    began = time.monotonic()
    (outcome,) = export_campaign("thanks", BatchWindow(AS_OF, AS_OF, "bench", AS_OF))
    whole = time.monotonic() - began
    return {"found": outcome.loaded, "seconds": round(whole, 3), "sending": round(seconds[0], 3)}


async def _bare(platform: str, port: int, record: str) -> dict[str, Any]:
    """Workers that take the next recorded call each, as many as the platform takes calls at once."""
    calls = _recorded(record)
    sent = 0

    async def work(client: httpx.AsyncClient) -> None:
        nonlocal sent
        for method, path, body in calls:
            answer = await client.request(method, path, content=body)
            answer.raise_for_status()
            sent += len(body)

    connections = PLATFORMS[platform].capabilities.connections
    limits = httpx.Limits(max_connections=connections)
    began = time.monotonic()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=60) as client:
        await asyncio.gather(*(work(client) for _ in range(connections)))
    return {"bytes": sent, "seconds": round(time.monotonic() - began, 3)}


def _recorded(record: str) -> Iterator[tuple[str, str, bytes]]:
    with open(record, "rb") as file:
        while head := file.read(8):
            of_call, of_body = struct.unpack(">II", head)
            method, path = json.loads(file.read(of_call))
            yield method, path, file.read(of_body)


if __name__ == "__main__":
    main()
