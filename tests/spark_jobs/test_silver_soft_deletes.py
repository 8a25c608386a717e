"""Sources that deliver everything each time: what is gone is flagged, what comes back is not, and half a snapshot is
not believed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lakehouse.config.settings import settings as of_lakehouse
from lakehouse.errors import ContractError
from lakehouse.storage.accepted_losses import accept_losses
from lakehouse.tables import silver
from tests.spark_jobs.conftest import Lake
from tests.spark_jobs.datasets import CONTACTS, PRODUCTS, contact

Row = dict[str, str | None]


def product(product_id: str, name: str = "Tea") -> Row:
    return {"product_id": product_id, "name": name}


def flags(lake: Lake, table: str = "silver.products", key: str = "product_id") -> dict[str, bool]:
    return dict(lake.values(table, key, "_is_deleted"))


@pytest.mark.both_engines(soak=True)
def test_what_the_newest_snapshot_lacks_is_flagged_and_unflagged_when_it_is_back(lake: Lake) -> None:
    lake.declare({"products": PRODUCTS})
    lake.load("products", product("p1"), product("p2"), product("p3"), name="1.csv")
    times = dict(lake.values("silver.products", "product_id", "_updated_at"))
    outcome = lake.load("products", product("p1"), product("p3"), name="2.csv")
    assert flags(lake) == {"p1": False, "p2": True, "p3": False}
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (2, 0, 2)
    after = dict(lake.values("silver.products", "product_id", "_updated_at"))
    assert (after["p1"], after["p3"]) == (times["p1"], times["p3"])
    assert after["p2"] > times["p2"]
    lake.load("products", product("p1"), product("p2"), product("p3"), product("p4"), name="3.csv")
    assert flags(lake) == {"p1": False, "p2": False, "p3": False, "p4": False}


@pytest.mark.slow
def test_later_snapshot_decides_where_rows_carry_no_time(lake: Lake) -> None:
    lake.declare({"products": PRODUCTS})
    for number, name in enumerate(("Tea", "Green tea", "Tea", "Black tea")):
        lake.load("products", product("p1", name), name=f"{number}.csv")
        assert lake.values("silver.products", "name") == [(name,)]


@pytest.mark.both_engines(soak=True)
def test_snapshots_in_one_run_equal_snapshots_on_their_own_days(lake: Lake) -> None:
    lake.declare({"products": PRODUCTS})
    lake.deliver("products", product("p1"), product("p2"), product("p3"), name="2017-01-01.csv")
    lake.deliver("products", product("p1", "Green tea"), product("p3"), name="2017-01-02.csv")
    lake.bronze("products")
    outcome = lake.silver("products")
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (5, 4, 1)
    assert lake.values("silver.products", "product_id", "name", "_is_deleted") == [
        ("p1", "Green tea", False),
        ("p2", "Tea", True),
        ("p3", "Tea", False),
    ]


@pytest.mark.slow
def test_snapshot_that_lacks_more_than_half_stops_the_dataset_until_a_complete_one_comes(lake: Lake) -> None:
    lake.declare({"products": PRODUCTS})
    everything = [product(f"p{number}") for number in range(5)]
    lake.load("products", *everything, name="1.csv")
    for _ in range(2):
        with pytest.raises(ContractError, match=r"lacks 3 of 5 known rows.*gate accept silver.products"):
            lake.load("products", *everything[:2], name="2.csv")
    assert not any(flags(lake).values())
    lake.load("products", *everything[:4], name="3.csv")
    assert [key for key, is_deleted in flags(lake).items() if is_deleted] == ["p4"]


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A snapshot that deletes more than 20 % is warned of, one above 40 % refused."""
    with monkeypatch.context() as patch:
        patch.setenv("LAKEHOUSE_SNAPSHOT_DELETED_WARN_SHARE", "0.2")
        patch.setenv("LAKEHOUSE_SNAPSHOT_DELETED_BLOCK_SHARE", "0.4")
        of_lakehouse.cache_clear()
        yield
    of_lakehouse.cache_clear()


@pytest.mark.slow
def test_what_a_snapshot_deletes_is_told_warned_of_and_refused_before_anything_is_deleted(
    lake: Lake, limits: None
) -> None:
    """A file that was cut at the end of a line looks like a shorter one; the repaired one brings the rest back."""
    lake.declare({"products": PRODUCTS})
    everything = [product(f"p{number}") for number in range(10)]
    assert lake.load("products", *everything, name="1.csv").notes == ()
    outcome = lake.load("products", *everything[:9], name="2.csv")
    assert outcome.notes == ("the newest snapshot of source crm deleted 1 of 10 rows (10.0%)",)
    assert outcome.warnings == ()
    outcome = lake.load("products", *everything[:6], name="3.csv")
    assert outcome.warnings == ("the newest snapshot of source crm deleted 3 of 9 rows (33.3%)",)
    with pytest.raises(ContractError, match=r"lacks 3 of 6 known rows \(50.0%, at most 40% may be gone\).*Nothing was"):
        lake.load("products", *everything[:3], name="4.csv")
    assert sum(flags(lake).values()) == 4
    outcome = lake.load("products", *everything, name="5.csv")
    assert (outcome.notes, outcome.warnings) == ((), ())
    assert not any(flags(lake).values())
    lake.silver("products", is_full=True)
    assert not any(flags(lake).values())


@pytest.mark.slow
def test_a_snapshot_that_lacks_more_than_half_is_taken_when_that_was_accepted(lake: Lake) -> None:
    lake.declare({"products": PRODUCTS})
    everything = [product(f"p{number}") for number in range(5)]
    lake.load("products", *everything, name="1.csv")
    lake.deliver("products", *everything[:2], name="2.csv")
    lake.bronze("products")
    for is_full in (False, True):
        with pytest.raises(ContractError, match=r"lacks 3 of 5 known rows"):
            lake.silver("products", is_full=is_full)
    assert not any(flags(lake).values())
    accept_losses([silver("products")], "sold out", of_lakehouse().lake)
    for is_full in (False, True):
        lake.silver("products", is_full=is_full)
        assert [key for key, is_deleted in flags(lake).items() if is_deleted] == ["p2", "p3", "p4"]


def test_a_source_whose_snapshot_is_incomplete_keeps_no_other_from_loading(lake: Lake) -> None:
    lake.declare({"products": PRODUCTS})
    lake.declare({"products": PRODUCTS}, source="erp")
    lake.load("products", product("p1"), product("p2"), product("p3"), name="1.csv")
    lake.deliver("products", product("p1"), name="2.csv")
    lake.deliver("products", product("e1"), name="1.csv", source="erp")
    lake.bronze("products")
    with pytest.raises(ContractError, match="source crm lacks 2 of 3"):
        lake.silver("products")
    assert flags(lake) == {"e1": False, "p1": False, "p2": False, "p3": False}


def test_rebuild_equals_increments(lake: Lake) -> None:
    lake.declare({"products": PRODUCTS})
    snapshots = [
        [product("p1"), product("p2")],
        [product("p1", "Green tea"), product("p2")],
        [product("p1"), product("p2")],
        [product("p1"), product("p3")],
    ]
    for number, rows in enumerate(snapshots):
        lake.load("products", *rows, name=f"{number}.csv")
    columns = [name for name in lake.rows("silver.products")[0] if name != "_updated_at"]
    before = lake.rows("silver.products", *columns)
    outcome = lake.silver("products", is_full=True)
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (8, 3, 5)
    assert lake.rows("silver.products", *columns) == before


@pytest.mark.slow
def test_bad_row_is_not_a_deleted_row(lake: Lake) -> None:
    lake.declare({"contacts": CONTACTS})
    lake.load("contacts", contact("k1"), contact("k2"), contact("k3"), name="1.jsonl")
    outcome = lake.load("contacts", contact("k1", modified="last week"), contact("k2"), name="2.jsonl")
    assert (outcome.quarantined, outcome.duplicates) == (1, 1)
    assert flags(lake, "silver.contacts", "contact_id") == {"k1": False, "k2": False, "k3": True}
