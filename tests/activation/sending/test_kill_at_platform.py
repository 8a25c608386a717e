"""Exports to platforms that are killed: everybody arrives, and what was acknowledged is not sent again."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from lakehouse.config.settings import PROJECT_ROOT, environment_with
from tests.activation.conftest import Shop, assert_balanced, customer
from tests.activation.sending.accounts import NEEDS, account_at, changed_by_a_full_send
from tests.support.lanes import first_fast
from tests.support.soak import at_length

# Imports once, then for every line `<home> <conf> <place> <call> <moment> <signal>` forks a process that exports and
# sends itself the signal before or after call number `call` of `place`; answers with the signal it died of, or 0.
EXECUTIONER = """
import os, signal, sys, traceback
from datetime import UTC, datetime
import lakehouse.activation.export as export
import lakehouse.activation.send as send
from lakehouse.activation.sending import remote
from lakehouse.activation.sending.account_caller import AccountCaller
from lakehouse.activation.sending.journal import Journal
from lakehouse.config.settings import settings
from lakehouse.window import BatchWindow

def deadly(work, call, moment, number):
    calls = 0
    def end(this, now):
        if this == int(call) and moment == now:
            os.kill(os.getpid(), number)
    def run(*arguments):
        nonlocal calls
        calls += 1
        this = calls
        end(this, "before")
        result = work(*arguments)
        end(this, "after")
        return result
    async def run_async(*arguments):
        nonlocal calls
        calls += 1
        this = calls
        end(this, "before")
        result = await work(*arguments)
        end(this, "after")
        return result
    return run_async if work is AccountCaller._send else run

PLACES = {"call": (AccountCaller, "_send"), "note": (Journal, "add"), "intend": (send, "record_intents"),
          "acknowledge": (send, "record_batch"), "close": (export, "record")}

def victim(home, conf, place, call, moment, number):
    os.environ.update(LAKEHOUSE_HOME=home, LAKEHOUSE_CONF=conf)
    settings.cache_clear()
    remote.BATCH_SIZE = 4
    owner, name = PLACES[place]
    setattr(owner, name, deadly(getattr(owner, name), call, moment, int(number)))
    as_of = datetime(2018, 1, 2, tzinfo=UTC)
    export.export_campaign("thanks", BatchWindow(as_of, as_of, "victim", as_of))

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        try:
            victim(*line.split())
        except BaseException as error:
            print(type(error).__name__, file=sys.stderr)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    print(os.WTERMSIG(status), flush=True)
"""
COUNT = 10
CONNECTIONS = 3


class Executioner:
    """Ends exports at a chosen point."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def end(self, shop: Shop, place: str, call: int, moment: str, number: int = signal.SIGKILL) -> int:
        """The signal that the export died of; 0 when it ended by itself."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{shop.home} {shop.conf} {place} {call} {moment} {int(number)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@pytest.fixture(scope="module")
def executioner() -> Iterator[Executioner]:
    with subprocess.Popen(
        [sys.executable, "-c", EXECUTIONER],
        cwd=PROJECT_ROOT,
        env=environment_with(MAILS_KEY="pk_simulated_1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Executioner(process)


def kills(count: int, seed: int) -> list[tuple[str, str, int, str]]:
    """Platform, place, call and moment, drawn."""
    draw = random.Random(seed)
    most = {"call": 8, "note": COUNT, "intend": 3, "acknowledge": 3, "close": 1}
    found = []
    for _ in range(count):
        place = draw.choice(list(most))
        moment = draw.choice(("before", "after"))
        found.append((draw.choice(list(NEEDS)), place, draw.randint(1, most[place]), moment))
    return found


@pytest.mark.parametrize(
    ("platform", "place", "call", "moment"), [*first_fast(kills(8, 1), 2), *at_length(*kills(200, 2))]
)
def test_killed_exports_are_resumed(
    executioner: Executioner, shop: Shop, platform: str, place: str, call: int, moment: str
) -> None:
    """One row a call, so that a kill falls between rows of one batch."""
    shop.customers(*(customer(f"c{number}") for number in range(COUNT)))
    shop.suppress()
    with account_at(shop, platform, limits={"rows_per_call": 1, "connections": CONNECTIONS}) as running:
        assert executioner.end(shop, place, call, moment) == signal.SIGKILL
        shop.export()
        people = running.state()["people"]
        assert {person["email"] for person in people.values()} == {f"c{number}@example.com" for number in range(COUNT)}
        assert {person["count_changed"] for person in people.values()} == {1}
        # sent again: only what was under way, or noted by nobody yet
        assert sum(person["count_written"] for person in people.values()) <= COUNT + CONNECTIONS
        assert shop.export().skipped
    for receipt in shop.receipts():
        assert_balanced(receipt)
    records = [row["customer_id"] for row in shop.rows("ops/export_records")]
    assert len(records) == len(set(records)) == COUNT
    assert not list((shop.home / "outbox").rglob("acknowledged/*.jsonl"))


@pytest.mark.parametrize(("platform", "place", "call", "moment"), [*first_fast(kills(3, 3)), *at_length(*kills(60, 4))])
def test_killed_exports_of_changed_fields_are_resumed(
    executioner: Executioner, shop: Shop, platform: str, place: str, call: int, moment: str
) -> None:
    """Everybody has the values that a full send would have given."""
    shop.customers(*(customer(f"c{number}") for number in range(COUNT)))
    shop.suppress()
    with account_at(shop, platform, limits={"rows_per_call": 1, "connections": CONNECTIONS}) as running:
        shop.export()
        shop.customers(*(customer(f"c{number}", first_name=f"Eve {number}") for number in range(COUNT)))
        assert executioner.end(shop, place, call, moment) == signal.SIGKILL
        shop.customers(*(customer(f"c{number}", first_name=f"Eve {number % 2}") for number in range(COUNT)))
        shop.export()
        told = [json.dumps(person) for person in running.state()["people"].values()]
        assert [sum(f"Eve {number}" in text for text in told) for number in range(3)] == [COUNT / 2, COUNT / 2, 0]
        assert changed_by_a_full_send(shop, running) == 0


@pytest.mark.parametrize("platform", first_fast(NEEDS))
def test_an_export_that_is_told_to_end_finishes_what_is_under_way(
    executioner: Executioner, shop: Shop, platform: str
) -> None:
    shop.customers(*(customer(f"c{number}") for number in range(24)))
    shop.suppress()
    with account_at(shop, platform, limits={"rows_per_call": 2, "connections": 2}) as running:
        assert executioner.end(shop, "note", 3, "before", signal.SIGTERM) == signal.SIGTERM
        written = len(running.state()["people"])
        records = [row["customer_id"] for row in shop.rows("ops/export_records")]
        assert 0 < written < 24 and len(records) == written
        shop.export()
        assert {person["count_written"] for person in running.state()["people"].values()} == {1}
        assert len(running.state()["people"]) == 24
