"""Exports that are killed or fail: nothing acknowledged is sent twice, and every export gets a row in ops.exports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lakehouse.activation.destinations import Batch, BatchReceipt
from lakehouse.activation.destinations.destination import Rejection
from lakehouse.activation.destinations.outbox import Outbox
from lakehouse.config.settings import PROJECT_ROOT, environment_with
from lakehouse.errors import TransientError
from tests.activation.conftest import Shop, assert_balanced, customer

# Imports once, then for every line `<home> <conf> <place> <call> <moment>` forks a process that exports with batches of
# one customer and kills itself (SIGKILL) before or after call number `call` of `place`; answers with the signal the
# process died of.
EXECUTIONER = """
import os, signal, sys
from datetime import UTC, datetime
import lakehouse.activation.export as export
import lakehouse.activation.send as send
from lakehouse.activation.destinations.outbox import Outbox
from lakehouse.window import BatchWindow

def deadly(work, call, moment):
    calls = 0
    def run(*arguments):
        nonlocal calls
        calls += 1
        if calls == call and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = work(*arguments)
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return run

def victim(home, conf, place, call, moment):
    os.environ.update(LAKEHOUSE_HOME=home, LAKEHOUSE_CONF=conf)
    Outbox.batch_size = 1
    places = {"deliver": (Outbox, "deliver"), "acknowledge": (send, "record_batch"), "close": (export, "record")}
    owner, name = places[place]
    setattr(owner, name, deadly(getattr(owner, name), int(call), moment))
    as_of = datetime(2018, 1, 2, tzinfo=UTC)
    export.export_campaign("thanks", BatchWindow(as_of, as_of, "victim", as_of))

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        victim(*line.split())
        os._exit(0)
    print(os.WTERMSIG(os.waitpid(pid, 0)[1]), flush=True)
"""


class Executioner:
    """Kills exports at a chosen point."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def kill(self, shop: Shop, place: str, call: int, moment: str) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{shop.home} {shop.conf} {place} {call} {moment}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline().strip() == str(int(signal.SIGKILL))


@pytest.fixture(scope="module")
def executioner() -> Iterator[Executioner]:
    with subprocess.Popen(
        [sys.executable, "-c", EXECUTIONER],
        cwd=PROJECT_ROOT,
        env=environment_with(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Executioner(process)


def _files(shop: Shop) -> list[Path]:
    return sorted((shop.home / "outbox").rglob("*.jsonl.gz"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "call", "moment", "acknowledged"),
    [
        ("deliver", 1, "before", 0),
        ("deliver", 2, "after", 1),
        ("acknowledge", 2, "after", 2),
        ("close", 1, "before", 3),
        ("close", 1, "after", 3),
    ],
)
def test_killed_export_is_resumed(
    executioner: Executioner,
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    call: int,
    moment: str,
    acknowledged: int,
) -> None:
    shop.customers(customer("c1"), customer("c2"), customer("c3"))
    executioner.kill(shop, place, call, moment)
    assert len(shop.rows("ops/export_records")) == acknowledged
    delivered: list[str] = []
    deliver = Outbox.deliver

    def count(self: Outbox, batch: Batch) -> BatchReceipt:
        delivered.extend(batch.customers)
        return deliver(self, batch)

    monkeypatch.setattr(Outbox, "batch_size", 1)
    monkeypatch.setattr(Outbox, "deliver", count)
    shop.export()
    assert delivered == ["c1", "c2", "c3"][acknowledged:]
    records = shop.rows("ops/export_records")
    assert Counter(row["customer_id"] for row in records) == {"c1": 1, "c2": 1, "c3": 1}
    assert len([file for file in _files(shop) if file.parent.name == "batches"]) == 3  # what was sent twice is one file
    first = shop.receipts()[0]
    assert {row["export_id"] for row in records} == {first["export_id"]}
    assert (first["status"], first["count_added"], first["count_exported"]) == ("success", 3, 3)
    for row in shop.receipts():
        assert_balanced(row)
    assert shop.export().loaded == 0
    assert not list((shop.home / "outbox").rglob("*.tmp"))


def test_killed_export_is_closed_when_the_target_has_changed(executioner: Executioner, shop: Shop) -> None:
    shop.customers(customer("c1"), customer("c2"), customer("c3"))
    executioner.kill(shop, "deliver", 2, "after")
    shop.customers(customer("c1"), customer("c2", first_name="Bea"), customer("c3"))
    shop.export()
    closed, new = shop.receipts()
    assert (closed["status"], closed["count_audience"], closed["count_added"], closed["count_exported"]) == (
        "failed",
        3,
        1,
        1,
    )
    assert (new["status"], new["count_added"], new["count_unchanged"]) == ("success", 2, 1)
    assert_balanced(new)
    assert shop.export().loaded == 0


@pytest.mark.slow
def test_nobody_stays_on_the_platform_because_an_export_was_killed(executioner: Executioner, shop: Shop) -> None:
    """c2 was delivered, its record was not written, and then c2 withdraws."""
    shop.customers(customer("c1"), customer("c2"), customer("c3"))
    executioner.kill(shop, "acknowledge", 2, "before")
    shop.suppress("c2@example.com")
    shop.export()
    closed, new = shop.receipts()
    assert (closed["status"], closed["count_audience"], closed["count_exported"]) == ("failed", 3, 1)
    assert shop.actions(new["export_id"]) == {"c2": "removed", "c3": "added"}
    assert_balanced(new)
    assert shop.export().loaded == 0


def test_failing_platform_keeps_what_it_took(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver = Outbox.deliver
    monkeypatch.setattr(Outbox, "batch_size", 1)

    def fail_second(self: Outbox, batch: Batch) -> BatchReceipt:
        if batch.ordinal == 1:
            raise TransientError("the platform is away", "Try again.")
        return deliver(self, batch)

    with monkeypatch.context() as failing:
        failing.setattr(Outbox, "deliver", fail_second)
        with pytest.raises(TransientError):
            shop.export()
    outcome = shop.export()
    assert (outcome.loaded, outcome.duplicates) == (1, 1)
    failed, good = shop.receipts()
    assert (failed["status"], failed["count_exported"], good["status"], good["count_added"]) == (
        "failed",
        1,
        "success",
        1,
    )
    assert failed["export_id"] != good["export_id"]


@pytest.mark.slow
def test_rejected_customers_are_tried_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver = Outbox.deliver

    def refuse_c2(self: Outbox, batch: Batch) -> BatchReceipt:
        receipt = deliver(self, batch)
        return replace(receipt, accepted=receipt.accepted - {"c2"}, rejected={"c2": Rejection("mailbox full", False)})

    with monkeypatch.context() as refusing:
        refusing.setattr(Outbox, "deliver", refuse_c2)
        outcome = shop.export()
    assert (outcome.loaded, outcome.quarantined) == (1, 1) and "rejected 1" in outcome.warnings[0]
    (receipt,) = shop.receipts()
    assert_balanced(receipt)
    assert shop.actions(receipt["export_id"]) == {"c1": "added", "c2": "rejected"}
    assert {row["customer_id"]: row["reason"] for row in shop.rows("ops/export_records")} == {
        "c1": None,
        "c2": "mailbox full",
    }
    for retried in (1, 0):
        shop.export()
        again = shop.receipts()[-1]["export_id"]
        assert shop.actions(again) == ({"c2": "added"} if retried else {})
        written = json.loads((shop.home / "outbox/outbox/thanks" / again / "receipt.json").read_text())
        assert written["retried"] == retried


def test_who_got_no_answer_is_rejected_and_tried_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver = Outbox.deliver

    def forget_c2(self: Outbox, batch: Batch) -> BatchReceipt:
        receipt = deliver(self, batch)
        return replace(receipt, accepted=receipt.accepted - {"c2"})

    with monkeypatch.context() as forgetting:
        forgetting.setattr(Outbox, "deliver", forget_c2)
        shop.export()
    assert shop.receipts()[0]["count_rejected"] == 1
    shop.export()
    assert shop.actions(shop.receipts()[1]["export_id"]) == {"c2": "added"}


def test_line_that_is_too_large_is_rejected(shop: Shop) -> None:
    shop.customers(customer("c1", first_name="x" * 100_001), customer("c2"))
    outcome = shop.export()
    assert (outcome.loaded, outcome.quarantined) == (1, 1)
    assert os.listdir(shop.home / "outbox/outbox/thanks")
