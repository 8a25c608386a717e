"""Build, gate and export are one unit: what is sent was built for the export's as-of moment and checked as it is,
whatever other runs do in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.activation.export import export_campaign, remove_refused, require_own_gold
from lakehouse.config.settings import settings
from lakehouse.errors import GoldBusyError, OtherGoldError
from lakehouse.storage.gold_builds import gold_alone
from lakehouse.storage.ops_tables import record
from lakehouse.storage.progress import GOLD_STARTED
from lakehouse.window import BatchWindow
from tests.activation.conftest import AS_OF, Shop, customer

OTHER_DAY = AS_OF - timedelta(days=30)


def _window(as_of: datetime = AS_OF) -> BatchWindow:
    return BatchWindow(as_of, as_of, "mine", as_of)


def _other_build_begins(shop: Shop) -> None:
    row = {"stage": GOLD_STARTED, "input_table": "as_of", "input_version": 1, "run_id": "other"}
    record("progress", [row | {"recorded_at": datetime.now(AS_OF.tzinfo)}], str(shop.lake))


def _other_build_of_another_day(shop: Shop) -> None:
    shop.customers(customer("c1", first_name="Then", as_of=OTHER_DAY))
    shop.built(OTHER_DAY)


def _other_build_of_the_same_day_without_its_gate(shop: Shop) -> None:
    members = DeltaTable(str(shop.lake / "gold/segment_members"))
    write_deltalake(members, members.to_pyarrow_table(), mode="overwrite")


INTERLEAVINGS: list[tuple[Callable[[Shop], None], str]] = [
    (_other_build_begins, "a build of gold has begun and not ended"),
    (_other_build_of_another_day, "look back from 2017-12-03 00:00:00 UTC, this run from 2018-01-02 00:00:00 UTC"),
    (_other_build_of_the_same_day_without_its_gate, "gold.segment_members changed after the gate"),
]


@pytest.mark.parametrize(("other", "problem"), INTERLEAVINGS)
def test_nothing_is_sent_of_what_another_run_built_and_then_all_of_what_is_built_again(
    shop: Shop, other: Callable[[Shop], None], problem: str
) -> None:
    require_own_gold(_window())
    other(shop)
    for asked in (lambda: require_own_gold(_window()), lambda: export_campaign("thanks", _window())):
        with pytest.raises(OtherGoldError, match=problem):
            asked()
    assert shop.receipts() == []
    shop.customers(customer("c1"), customer("c2"))  # built, and checked, once more
    require_own_gold(_window())
    assert shop.export().loaded == 2


def test_an_export_of_the_other_day_takes_what_the_other_run_built(shop: Shop) -> None:
    _other_build_of_another_day(shop)
    (outcome,) = export_campaign("thanks", _window(OTHER_DAY))
    assert outcome.loaded == 1


def test_a_run_about_now_takes_what_another_run_has_built_since(shop: Shop) -> None:
    began = datetime.now(UTC) - timedelta(minutes=20)
    shop.customers(customer("c1", as_of=began + timedelta(minutes=10)))
    shop.built(began + timedelta(minutes=10))
    require_own_gold(_window(began))
    with pytest.raises(OtherGoldError, match="look back from"):
        require_own_gold(BatchWindow.of(began, began, "mine", as_of=began))  # somebody asked for that moment


def test_gold_that_nobody_built_is_not_sent(shop: Shop) -> None:
    record_of_builds = shop.lake / "ops/progress"
    record_of_builds.rename(shop.lake / "ops/before")
    with pytest.raises(OtherGoldError, match="gold was never built"):
        shop.export()


def test_removals_do_not_wait_for_the_build(shop: Shop) -> None:
    shop.export()
    _other_build_begins(shop)
    shop.suppress("c2@example.com")
    _other_build_begins(shop)
    (outcome,) = remove_refused("thanks", _window())
    assert outcome.loaded == 1


def test_an_export_does_not_begin_to_read_while_gold_is_written(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_QUERY_TIMEOUT_SECONDS", "1")
    settings.cache_clear()
    with gold_alone(settings().home, 0), pytest.raises(GoldBusyError):
        shop.export()
    assert shop.export().loaded == 2
