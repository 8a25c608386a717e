"""Complete snapshots: A, then B, then A again. The third is a new delivery, though its content was landed before."""

from __future__ import annotations

import os
from typing import Any

import pytest

from lakehouse.config.feeds import feeds
from lakehouse.errors import TerminalError
from lakehouse.landing.ledger import Ledger
from lakehouse.outcome import TableOutcome
from lakehouse.sources import extract as extract_module
from tests.sources.conftest import Home
from tests.sources.test_files import DECLARED, HEADER

A, B = HEADER + "1,x\n2,y\n", HEADER + "1,z\n"


@pytest.fixture
def shop(home: Home) -> Home:
    home.declare(DECLARED.format(load="full"))
    (home.path / "in").mkdir()
    return home


def deliver(shop: Home, content: str, moment: int, name: str = "a.csv") -> TableOutcome:
    """Deliver a file with a time of change of its own and extract."""
    os.utime(shop.deliver(f"in/{name}", content), (moment, moment))
    (outcome,) = shop.extract("products")
    return outcome


def snapshots(shop: Home) -> dict[str, list[tuple[int, str]]]:
    """`_source_file` -> (row number, id) of its rows."""
    found: dict[str, list[tuple[int, str]]] = {}
    for row in shop.landed("shop", "products"):
        found.setdefault(row["_source_file"], []).append((row["_row_number"], row["id"]))
    return found


def test_a_snapshot_that_comes_back_is_landed_once_more(shop: Home) -> None:
    deliver(shop, A, 1)
    deliver(shop, B, 2)
    outcome = deliver(shop, A, 3)
    assert (outcome.read, outcome.loaded, outcome.duplicates, outcome.skipped) == (2, 2, 0, False)
    assert outcome.warnings == ("a.csv of shop: an earlier snapshot has come back, its rows are landed once more",)
    assert sorted(snapshots(shop).values()) == [[(1, "1")], [(1, "1"), (2, "2")], [(1, "1"), (2, "2")]]
    assert [(what, rows) for _, what, _, rows in shop.files()] == [
        ("duplicate_delivery", 0),
        ("landed", 1),
        ("landed", 2),
        ("landed", 2),
    ]


def test_every_turn_is_a_delivery_and_every_run_after_it_finds_nothing(shop: Home) -> None:
    for moment, content in enumerate((A, B, A, B, B, A, A), 1):
        deliver(shop, content, moment)
        for is_full in (False, True):
            assert shop.extract("products", is_full=is_full)[0].skipped
    assert len(snapshots(shop)) == 5


def test_the_same_file_looked_at_again_is_no_delivery(shop: Home) -> None:
    deliver(shop, A, 1, "1.csv")
    deliver(shop, B, 2, "2.csv")
    assert shop.extract("products", is_full=True)[0].skipped
    assert len(snapshots(shop)) == 2


def test_a_copy_of_the_newest_snapshot_stays_a_duplicate(shop: Home) -> None:
    deliver(shop, A, 1, "1.csv")
    deliver(shop, B, 2, "2.csv")
    assert deliver(shop, B, 3, "3.csv").duplicates == 1
    assert len(snapshots(shop)) == 2


def test_a_folder_that_is_copied_again_brings_nothing_back(shop: Home) -> None:
    """All times of change are new, but the last by name is the one that is current."""
    deliver(shop, A, 1, "1.csv")
    deliver(shop, B, 2, "2.csv")
    os.utime(shop.path / "in/1.csv", (9, 9))
    assert deliver(shop, B, 8, "2.csv").duplicates == 3
    assert len(snapshots(shop)) == 2


def test_increments_that_repeat_stay_duplicates(shop: Home) -> None:
    shop.declare(DECLARED.format(load="increment"))
    deliver(shop, A, 1)
    deliver(shop, B, 2)
    assert deliver(shop, A, 3).duplicates == 2
    assert len(snapshots(shop)) == 2


@pytest.mark.parametrize("killed_at", ["_land_again", "add"])
def test_killed_before_or_after_it_is_landed_the_next_run_finishes(
    shop: Home, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    deliver(shop, A, 1)
    deliver(shop, B, 2)

    def die(*_: object) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record_outcomes", lambda *_: None)  # a killed process has no `finally`
        if killed_at == "add":
            add = Ledger.add
            patch.setattr(
                Ledger, "add", lambda ledger, delivery: die() if delivery.content_sha256 else add(ledger, delivery)
            )
        else:
            patch.setattr("lakehouse.landing.reappearing_snapshots._land_again", die)
        with pytest.raises(KeyboardInterrupt):
            deliver(shop, A, 3)
    (outcome,) = shop.extract("products")
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (2, 2, 0)
    assert shop.extract("products")[0].skipped
    assert len(snapshots(shop)) == 3
    assert [what for _, what, _, _ in shop.files()] == ["duplicate_delivery", "landed", "landed", "landed"]


def test_a_run_that_failed_before_it_noticed_leaves_it_to_the_next(shop: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(shop, A, 1)
    deliver(shop, B, 2)

    def fail(*_: object) -> Any:
        raise TerminalError("disk full", "Make room.")

    with monkeypatch.context() as patch:
        patch.setattr(extract_module, "with_reappeared", fail)
        with pytest.raises(TerminalError, match="disk full"):
            deliver(shop, A, 3)
    assert shop.extract("products")[0].loaded == 2


def test_rows_that_are_gone_from_landing_are_named(shop: Home) -> None:
    deliver(shop, A, 1)
    (feed,) = feeds("products")
    for landed in feed.landing.glob("*.parquet"):
        landed.unlink()
    deliver(shop, B, 2)
    with pytest.raises(
        TerminalError,
        match=r"a\.csv of source shop is an earlier snapshot .* gone\. Restore shop/products/[0-9a-f]{12}\.parquet",
    ):
        deliver(shop, A, 3)
