"""Content that comes back: A, then B, then A again. The third is a new delivery, though its content was landed
before."""

from __future__ import annotations

import os
from typing import Any

import pytest

from lakehouse.config.feeds import feeds
from lakehouse.errors import ContractError, TerminalError
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
    """All times of change are new, but the last is the one that is current."""
    deliver(shop, A, 1, "1.csv")
    deliver(shop, B, 2, "2.csv")
    os.utime(shop.path / "in/1.csv", (8, 8))
    assert deliver(shop, B, 9, "2.csv").duplicates == 3
    assert len(snapshots(shop)) == 2


@pytest.fixture
def log(shop: Home) -> Home:
    shop.declare(DECLARED.format(load="increment"))
    return shop


def labels_in_order(shop: Home) -> list[str]:
    """Names of the landed deliveries in the order in which bronze takes them."""
    (feed,) = feeds("products")
    return [delivery.file_name for _, delivery in Ledger(feed).in_order() if delivery.outcome == "landed"]


@pytest.mark.parametrize("names", [("a.csv", "a.csv", "a.csv"), ("1.csv", "2.csv", "3.csv")])
def test_an_increment_whose_content_comes_back_is_landed_again(log: Home, names: tuple[str, str, str]) -> None:
    for moment, (name, content) in enumerate(zip(names, (A, B, A), strict=True), 1):
        outcome = deliver(log, content, moment, name)
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (2, 2, 0)
    assert f"{names[2]} of shop: the content of an earlier file has come back" in outcome.warnings[-1]
    assert labels_in_order(log) == list(names)
    for is_full in (False, True):
        assert log.extract("products", is_full=is_full)[0].skipped


def test_content_that_comes_back_within_one_run(log: Home) -> None:
    """Small files share one landed file, from which only the rows of one are taken again."""
    for moment, (name, content) in enumerate((("1.csv", A), ("2.csv", B), ("3.csv", A)), 1):
        os.utime(log.deliver(f"in/{name}", content), (moment, moment))
    (outcome,) = log.extract("products")
    assert (outcome.read, outcome.loaded) == (5, 5)
    assert labels_in_order(log) == ["1.csv", "2.csv", "3.csv"]
    assert sorted(snapshots(log).values()) == [[(1, "1")], [(1, "1"), (2, "2")], [(1, "1"), (2, "2")]]
    assert log.extract("products")[0].skipped


@pytest.mark.parametrize(
    ("contents", "landed"),
    [("A A' B", "1 3"), ("A B A' C", "1 2 3 4"), ("A B C A' B'", "1 2 3 4 5"), ("A B A' B' C", "1 2 5")],
)
def test_files_that_are_newer_than_a_repetition(log: Home, contents: str, landed: str) -> None:
    """A copy beside its original says nothing, whatever comes after both; between others it does."""
    for number, content in enumerate(contents.split(), 1):
        os.utime(log.deliver(f"in/{number}.csv", HEADER + f"1,{content[0]}\n"), (number, number))
    log.extract("products")
    assert labels_in_order(log) == [f"{number}.csv" for number in landed.split()]
    assert log.extract("products")[0].skipped


@pytest.mark.parametrize(
    "changes", [{"1.csv": 1, "0.csv": 1}, {"1.csv": 8, "2.csv": 9}, {"2.csv": 9}, {"3.csv": 2}], ids=str
)
def test_increments_that_bring_no_newer_word_stay_duplicates(log: Home, changes: dict[str, int]) -> None:
    """An old copy, a folder that was copied again in its order, the newest file once more, a copy that is no newer."""
    deliver(log, A, 1, "1.csv")
    deliver(log, B, 2, "2.csv")
    for name, moment in changes.items():
        content = B if name in ("2.csv", "3.csv") else A
        os.utime(log.deliver(f"in/{name}", content), (moment, moment))
    (outcome,) = log.extract("products")
    assert outcome.loaded == 0 < outcome.duplicates
    assert labels_in_order(log) == ["1.csv", "2.csv"]


def test_the_order_of_one_run_is_that_of_the_times_of_change(log: Home) -> None:
    names = {"10.csv": 1, "9.csv": 1, "b.csv": 3, "a.csv": 4, "z.csv": 2}
    for number, (name, moment) in enumerate(names.items()):
        os.utime(log.deliver(f"in/{name}", HEADER + f"{number},x\n"), (moment, moment))
    log.extract("products")
    assert labels_in_order(log) == ["9.csv", "10.csv", "z.csv", "b.csv", "a.csv"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("name", ["d_1-2-2024.csv", "d_2-1-2024.csv", "d_10-12-2023.csv"]),
        ("modified", ["d_1-2-2024.csv", "d_10-12-2023.csv", "d_2-1-2024.csv"]),
        ('{pattern: "d_{day}-{month}-{year}.csv"}', ["d_10-12-2023.csv", "d_2-1-2024.csv", "d_1-2-2024.csv"]),
    ],
)
def test_declared_orders(shop: Home, order: str, expected: list[str]) -> None:
    shop.declare(DECLARED.format(load="full") + f"        order: {order}\n")
    for moment, name in enumerate(("d_1-2-2024.csv", "d_10-12-2023.csv", "d_2-1-2024.csv"), 1):
        os.utime(shop.deliver(f"in/{name}", HEADER + f"{moment},x\n"), (moment, moment))
    shop.extract("products")
    assert labels_in_order(shop) == expected


def test_a_name_that_does_not_fit_the_pattern_is_set_aside(shop: Home) -> None:
    shop.declare(DECLARED.format(load="full") + '        order: {pattern: "d_{number}.csv"}\n')
    shop.deliver("in/d_1.csv", A)
    shop.deliver("in/final.csv", B)
    (outcome,) = shop.extract("products")
    assert (outcome.loaded, "final.csv (its name does not fit order.pattern)" in outcome.warnings[0]) == (2, True)


def test_snapshots_dated_with_the_year_last_need_an_order(shop: Home) -> None:
    deliver(shop, A, 1, "d_31-12-2023.csv")
    with pytest.raises(ContractError, match=r"2 snapshots with the year last.*order: \{pattern"):
        deliver(shop, B, 2, "d_01-01-2024.csv")


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
            patch.setattr("lakehouse.landing.returned_content._land_again", die)
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
        patch.setattr(extract_module, "with_returned", fail)
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
