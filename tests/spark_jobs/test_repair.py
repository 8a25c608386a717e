"""A table that was made again holds what it held, and later deliveries find it as if nothing had happened."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from lakehouse.config.settings import settings
from lakehouse.contracts import Stage
from lakehouse.errors import DamagedTableError
from lakehouse.landing.files import landed_files
from lakehouse.orchestration.repair.carry_out import repair
from lakehouse.orchestration.repair.plan import plan_repair
from lakehouse.orchestration.stages import run_stage
from lakehouse.storage.progress import versions_worked_on
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef
from tests.spark_jobs.conftest import Lake, window
from tests.spark_jobs.datasets import CONSENTS, CONTACTS
from tests.support.damage import Damage, cut_a_file, cut_the_newest_commit, lose_a_file, lose_the_log
from tests.support.lakes import WRITE_TIME_COLUMNS
from tests.support.lanes import first_fast

# Repaired one after the other, which takes less than a lake for each.
GROUPS = {
    "received": ["bronze.crm_contacts", "silver.contacts_quarantine", "silver.mail_holds", "ops.customer_ids"],
    "typed": ["silver.contacts", "silver.contact_identifiers", "silver.consents", "silver.identities"],
}
TABLES = [table for group in GROUPS.values() for table in group]


def contact(number: str, **changes: str | None) -> dict[str, str | None]:
    plain: dict[str, str | None] = {"id": number, "email": f"c{number}@example.com", "phone": None, "card": None}
    return plain | {"created": "2017-01-01T00:00:00Z", "modified": "2017-01-01T00:00:00Z"} | changes


def consent(contact_id: str, event: str, at: str = "2017-02-01T00:00:00Z") -> dict[str, str | None]:
    return {"type": "crm_id", "reference": contact_id, "event": event, "at": at}


def _deliver_the_first_day(lake: Lake) -> None:
    lake.declare({"contacts": CONTACTS, "consents": CONSENTS})
    lake.load("contacts", contact("1"), contact("2"), contact("3"), name="day1.csv")
    lake.load("consents", consent("1", "opt_in"), consent("2", "opt_in"), name="day1.csv")
    # the third is gone, the first has another address at the same time, and one is rejected
    again = [contact("1", email="new@example.com"), contact("2"), contact("", email="none@example.com")]
    lake.load("contacts", *again, name="day2.csv")
    lake.load("consents", consent("2", "?"), consent("1", "withdrawn", "2017-03-01T00:00:00Z"), name="day2.csv")
    lake.identities()


def _deliver_the_next_day(lake: Lake) -> None:
    """As the next run: it takes what was repaired further, too."""
    lake.deliver("contacts", contact("1", email="new@example.com"), contact("4"), name="day3.csv")
    for dataset in ("contacts", "consents"):
        lake.bronze(dataset)
        lake.silver(dataset)
    lake.identities()


def _contents(lake: Lake) -> dict[str, list[dict[str, Any]]]:
    ignored = WRITE_TIME_COLUMNS | {"issued_at", "assigned_at", "first_seen_at"}
    return {
        name: sorted(
            ({column: value for column, value in row.items() if column not in ignored} for row in lake.rows(name)),
            key=str,
        )
        for name in TABLES
    }


def _repair(name: str) -> tuple[str, ...]:
    plan = plan_repair(TableRef.parse(name))
    assert plan.damage
    assert not plan.blocked
    repair(plan)
    return plan.lost


@pytest.mark.slow
@pytest.mark.parametrize("tables", GROUPS.values(), ids=list(GROUPS))
def test_repaired_tables_are_what_they_were_and_go_on(lake: Lake, tables: list[str]) -> None:
    _deliver_the_first_day(lake)
    first = _contents(lake)
    _deliver_the_next_day(lake)
    undisturbed = _contents(lake)
    lake.start_over()
    _deliver_the_first_day(lake)
    for table in tables:
        lose_a_file(lake.home / "lake" / table.replace(".", "/"))
        _repair(table)
    assert _contents(lake) == first
    _deliver_the_next_day(lake)
    assert _contents(lake) == undisturbed


@pytest.mark.parametrize("damage", first_fast([cut_the_newest_commit, lose_the_log, cut_a_file]))
def test_whatever_is_damaged_bronze_comes_from_landing(lake: Lake, damage: Damage) -> None:
    _deliver_the_first_day(lake)
    before = lake.values("bronze.crm_contacts", "_source_file", "_row_number", "email")
    times = [row["_ingested_at"] for row in lake.rows("bronze.crm_contacts", "_ingested_at")]
    damage(lake.home / "lake" / "bronze" / "crm_contacts")
    assert _repair("bronze.crm_contacts") == ()
    assert lake.values("bronze.crm_contacts", "_source_file", "_row_number", "email") == before
    again = [row["_ingested_at"] for row in lake.rows("bronze.crm_contacts", "_ingested_at")]
    assert max(abs((new - old).total_seconds()) for new, old in zip(sorted(again), sorted(times), strict=True)) < 5
    assert (
        versions_worked_on(TableRef.parse("silver.contacts"), settings().lake)[TableRef.parse("bronze.crm_contacts")]
        == -1
    )


@pytest.mark.slow
def test_a_stage_names_the_damaged_table_and_another_goes_on(lake: Lake) -> None:
    _deliver_the_first_day(lake)
    lose_a_file(lake.home / "lake" / "silver" / "contacts")
    lake.deliver("contacts", contact("1"), contact("4"), name="day3.csv")
    lake.bronze("contacts")
    with pytest.raises(DamagedTableError, match=r"silver\.contacts: 1 of its \d+ data files"):
        run_stage(Stage.SILVER, "contacts", window("day3"))
    assert lake.load("consents", consent("1", "opt_in", "2017-04-01T00:00:00Z"), name="day3.csv").loaded == 1


@pytest.mark.slow
def test_a_plan_says_what_is_lost_and_what_comes_first(lake: Lake) -> None:
    _deliver_the_first_day(lake)
    cut_the_newest_commit(lake.home / "lake" / "bronze" / "crm_contacts")
    cut_the_newest_commit(lake.home / "lake" / "silver" / "contacts")
    plan = plan_repair(TableRef.parse("silver.contacts"))
    assert "run `lakehouse repair bronze.crm_contacts` first" in plan.blocked
    lake.undeclare("crm")
    assert "does not declare contacts of source crm" in plan_repair(TableRef.parse("bronze.crm_contacts")).blocked


@pytest.mark.slow
def test_nothing_is_lost_of_the_ids_of_people(lake: Lake) -> None:
    _deliver_the_first_day(lake)
    ids = lake.values("silver.identities", "identifier_type", "identifier", "customer_id")
    shutil.rmtree(lake.home / "lake" / "ops" / "customer_ids")
    _repair("ops.customer_ids")
    lose_a_file(lake.home / "lake" / "silver" / "identities")
    _repair("silver.identities")
    assert lake.values("silver.identities", "identifier_type", "identifier", "customer_id") == ids
    assert Path(settings().lake, ".damaged").is_dir()
    assert Table(TableRef.parse("ops.repairs"), settings().lake).count_rows() == 2
    assert list(landed_files(lake.home / "landing" / "crm" / "contacts"))
