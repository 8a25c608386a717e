"""From landed files to typed, unique silver rows: what is loaded, what is rejected, and that nothing depends on when or
how often."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lakehouse.errors import ContractError
from tests.spark_jobs.conftest import Lake
from tests.spark_jobs.datasets import CONSENTS, LINES, contact, line
from tests.support.lanes import first_fast

T = "transactions"


@pytest.mark.both_engines(soak=True)
def test_row_is_typed_as_its_contract_says(lake: Lake) -> None:
    lake.declare({T: LINES})
    outcome = lake.load(
        T,
        line(
            "b1",
            type="email",
            reference="  Ada@Example.COM ",
            quantity="1.5",
            discount="",
            exported="2017-07-02T03:00:00Z",
        ),
    )
    assert (outcome.read, outcome.loaded) == (1, 1)
    (row,) = lake.rows("silver.transactions")
    assert row["customer_reference"] == "ada@example.com"
    assert (row["line_number"], row["quantity"], row["net_amount"], row["discount_amount"]) == (
        1,
        Decimal("1.500"),
        Decimal("2.50"),
        None,
    )
    assert row["occurred_at"] == datetime(2017, 7, 1, 8, tzinfo=UTC), "a naive time is read in the feed's zone"
    assert row["updated_at"] == datetime(2017, 7, 2, 3, tzinfo=UTC), "a time with a zone is taken at its word"
    assert (row["_source"], row["_is_deleted"], row["_batch_id"]) == ("crm", False, "run1")


@pytest.mark.both_engines(soak=True)
def test_broken_rows_are_quarantined_with_every_rule_they_broke(lake: Lake) -> None:
    lake.declare({T: LINES})
    outcome = lake.load(
        T,
        line("good"),
        line("b1", amount="12,50", quantity="one"),
        line("b2", sold="yesterday"),
        line("b3", type=" "),
        line("b4", type="cookie"),
        line("b5", exported="2017"),
        line("b6", amount="1e3"),
    )
    assert (outcome.read, outcome.loaded, outcome.quarantined, outcome.duplicates) == (7, 1, 6, 0)
    found = {row["_row_number"]: row for row in lake.rows("silver.transactions_quarantine")}
    assert {number: row["rule_ids"] for number, row in found.items()} == {
        2: ["transactions.quantity.type", "transactions.net_amount.type"],
        3: ["transactions.occurred_at.type"],
        4: ["transactions.reference_type.missing"],
        5: ["transactions.reference_type.allowed"],
        6: ["transactions.updated_at.type"],
        7: ["transactions.net_amount.type"],
    }
    assert found[2]["reason"] == "quantity is not a decimal(14,3); net_amount is not a decimal(18,6)"
    assert '"amount":"12,50"' in found[2]["row_json"]


def test_second_run_finds_nothing_and_touches_nothing(lake: Lake) -> None:
    lake.declare({T: LINES})
    lake.load(T, line("b1"), line("b2", amount="x"))
    before = lake.rows("silver.transactions")
    (again,) = lake.bronze(T)
    assert again.skipped
    assert lake.silver(T).skipped
    assert lake.rows("silver.transactions") == before
    assert len(lake.rows("bronze.crm_transactions")) == 2


VERSIONS = {
    "first": line("b1", amount="1.00"),
    "corrected": line("b1", amount="2.00", exported="2017-07-05 03:00:00"),
    "undated": line("b1", amount="3.00", exported=None),
}


@pytest.mark.parametrize("order", first_fast([(order,) for order in itertools.permutations(VERSIONS)], 2), ids="-".join)
def test_newest_version_wins_in_any_order_of_arrival(lake: Lake, order: tuple[str, ...]) -> None:
    lake.declare({T: LINES})
    for name in order:
        lake.load(T, VERSIONS[name], name=f"{name}.csv")
    assert lake.values("silver.transactions", "net_amount") == [(Decimal("2.00"),)]


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_of_equally_old_versions_the_later_delivery_wins(lake: Lake, order: tuple[str, str]) -> None:
    lake.declare({T: LINES})
    versions = {"a": line("b1", amount="1.00"), "b": line("b1", amount="2.00")}
    for name in order:
        lake.load(T, versions[name], name=f"{name}.csv")
    winner = Decimal(str(versions[order[-1]]["amount"]))
    assert lake.values("silver.transactions", "net_amount") == [(winner,)]


@pytest.mark.both_engines(soak=True)
def test_later_delivery_wins_where_rows_do_not_say_when_they_were_changed(lake: Lake) -> None:
    """Also when the correction moves the event to an earlier time."""
    lake.declare({"transactions": LINES})
    lake.load(T, line("b1", amount="1.00", exported=None), line("b2", amount="1.00", exported=None), name="1.csv")
    lake.load(
        T,
        line("b1", amount="2.00", sold="2017-06-01 10:00:00", exported=None),
        line("b2", amount="3.00", exported=None),
        name="2.csv",
    )
    assert lake.values("silver.transactions", "transaction_id", "net_amount") == [
        ("b1", Decimal("2.00")),
        ("b2", Decimal("3.00")),
    ]


def test_counts_balance_for_repeated_and_outdated_rows(lake: Lake) -> None:
    lake.declare({T: LINES})
    first = lake.load(T, line("b1"), line("b1"), line("b2"), line("b3", amount="?"))
    assert (first.read, first.loaded, first.quarantined, first.duplicates) == (4, 2, 1, 1)
    second = lake.load(
        T,
        line("b1"),
        line("b2", exported="2016-01-01 00:00:00"),
        line("b2", amount="9.99", exported="2018-01-01 00:00:00"),
        line("b4"),
        name="next.csv",
    )
    assert (second.read, second.loaded, second.quarantined, second.duplicates) == (4, 2, 0, 2)


@pytest.mark.both_engines(soak=True)
def test_thousands_of_repeated_keys_fit_into_memory(lake: Lake) -> None:
    lake.declare({"transactions": LINES})
    lines = [line(f"b{number}") for number in range(3000)]
    outcome = lake.load("transactions", *lines, *lines)
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (6000, 3000, 3000)


def test_merge_leaves_unchanged_rows_alone_and_time_goes_forward(lake: Lake) -> None:
    lake.declare({T: LINES})
    lake.load(T, line("b1"), line("b2"))
    before = dict(lake.values("silver.transactions", "transaction_id", "_updated_at"))
    lake.load(T, line("b1"), line("b2", amount="9.99", exported="2018-01-01 00:00:00"), line("b3"), name="next.csv")
    after = dict(lake.values("silver.transactions", "transaction_id", "_updated_at"))
    assert after["b1"] == before["b1"]
    assert after["b2"] == after["b3"] > before["b2"]


@pytest.mark.both_engines(soak=True)
def test_rows_of_one_run_with_different_columns(lake: Lake) -> None:
    lake.declare({T: LINES})
    lake.load(T, line("b1"), name="one.csv")
    lake.deliver(T, line("b2", till="T7"), name="two.csv")
    lake.deliver(T, {key: value for key, value in line("b3").items() if key != "discount"}, name="three.csv")
    outcome = [lake.bronze(T)[0], lake.silver(T)][1]
    assert (outcome.read, outcome.loaded) == (2, 2)
    assert lake.values("bronze.crm_transactions", "basket", "till", "discount") == [
        ("b1", None, "0.00"),
        ("b2", "T7", "0.00"),
        ("b3", None, None),
    ]
    assert "till" not in lake.rows("silver.transactions")[0]


def test_same_row_has_the_same_hash_whatever_else_is_loaded_with_it(lake: Lake) -> None:
    lake.declare({T: LINES})
    lake.deliver(T, line("b1"), name="one.csv")
    lake.deliver(T, line("b2", till="T7"), name="two.csv")
    lake.bronze(T)
    lake.deliver(T, line("b1"), name="again.csv")
    lake.bronze(T)
    hashes = [row["_row_hash"] for row in lake.rows("bronze.crm_transactions") if row["basket"] == "b1"]
    assert len(hashes) == 2
    assert len(set(hashes)) == 1


def test_required_column_that_is_missing_altogether_stops_the_dataset(lake: Lake) -> None:
    lake.declare({T: LINES})
    lake.load(T, line("b1"))
    rows = [{key: value for key, value in line(basket).items() if key != "amount"} for basket in ("b2", "b3")]
    lake.deliver(T, *rows, name="next.csv")
    lake.bronze(T)
    for _ in range(2):
        with pytest.raises(
            ContractError,
            match=r"none of 2 new rows of source crm has a value for the required net_amount.*sources\.yml",
        ):
            lake.silver(T)
    assert lake.values("silver.transactions", "transaction_id") == [("b1",)]
    assert lake.rows("silver.transactions_quarantine") == []


@pytest.mark.both_engines(soak=True)
def test_rebuild_equals_increments(lake: Lake) -> None:
    lake.declare({T: LINES})
    lake.load(T, line("b1"), line("b2"), line("b3", amount="?"))
    lake.load(
        T,
        line("b1", amount="7.00", exported="2017-08-01 00:00:00"),
        line("b2"),
        line("b4", quantity="one"),
        name="next.csv",
    )
    columns = [name for name in lake.rows("silver.transactions")[0] if name != "_updated_at"]
    silver, rejected = lake.rows("silver.transactions", *columns), lake.rows("silver.transactions_quarantine")
    outcome = lake.silver(T, is_full=True)
    assert (outcome.read, outcome.loaded, outcome.quarantined, outcome.duplicates) == (6, 2, 2, 2)
    assert lake.rows("silver.transactions", *columns) == silver
    assert lake.rows("silver.transactions_quarantine") == rejected


def test_two_sources_of_one_dataset(lake: Lake) -> None:
    for source in ("web", "store"):
        lake.declare({T: LINES}, source=source, namespace={"orders": "shop"})
    lake.deliver(T, line("b1"), source="web")
    lake.deliver(T, line("b2"), line("b1", amount="8.00", exported="2017-09-01 00:00:00"), source="store")
    assert [(str(o.table), o.loaded) for o in lake.bronze(T)] == [
        ("bronze.web_transactions", 1),
        ("bronze.store_transactions", 2),
    ]
    outcome = lake.silver(T)
    assert (outcome.read, outcome.loaded) == (3, 3)
    assert lake.values("silver.transactions", "transaction_id", "net_amount", "_source") == [
        ("shop:b1", Decimal("8.00"), "store"),
        ("shop:b2", Decimal("2.50"), "store"),
    ]


def test_consent_history_keeps_every_change(lake: Lake) -> None:
    lake.declare({"consents": CONSENTS})
    rows = [
        {"type": "crm_id", "reference": "k1", "event": event, "at": at}
        for event, at in (("opt_in", "2017-01-01"), ("withdrawn", "2017-02-01"), ("maybe", "2017-03-01"))
    ]
    outcome = lake.load("consents", *rows)
    assert (outcome.loaded, outcome.quarantined) == (2, 1)
    assert lake.values("silver.consents", "status") == [("granted",), ("withdrawn",)]


def test_contact_with_odd_address_keeps_it_but_has_no_normalised_one(lake: Lake) -> None:
    lake.declare(
        {
            "contacts": {
                "load": "full",
                "mapping": {"contact_id": "id", "email": "email", "created_at": "created", "updated_at": "modified"},
            }
        }
    )
    lake.load("contacts", contact("k1", email=" Ada@Example.com "), contact("k2", email="no address"))
    assert lake.values("silver.contacts", "email", "email_normalised") == [
        ("Ada@Example.com", "ada@example.com"),
        ("no address", None),
    ]


def test_file_whose_rows_are_all_alike(lake: Lake) -> None:
    """Sail reads a column that is constant in a file as a scalar, which its xxhash64 did not survive."""
    lake.declare({T: LINES})
    outcome = lake.load(T, line("b1"), line("b1"), line("b1"))
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (3, 1, 2)
    lake.load(T, line("b1"), line("b1"), name="again.csv")
    assert len({row["_row_hash"] for row in lake.rows("bronze.crm_transactions")}) == 1
