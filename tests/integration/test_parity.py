"""Both engines leave the same tables, row by row, of one rich sample: dirty, with late rows, changes, deletions and a
replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lakehouse.storage.discovery import newest_version
from lakehouse.tables import TableRef
from tests.support.deliveries import DELETED, MERGED, RENAMED, WITHDRAWN, deliver_first, deliver_second
from tests.support.engines import Engines
from tests.support.homes import Home
from tests.support.lakes import difference, result_tables, rows, tables
from tests.support.main_job import CAMPAIGN, do_data_work
from tests.support.own_engines import copy_jars, own_engine_in

pytestmark = [pytest.mark.spark, pytest.mark.timeout(2400)]  # the first test on each engine waits for all of its runs

AS_OF = "2018-01-03T00:00:00Z"  # a day after the first build
HAPPENED = {  # what the second delivery is about -> how silver or gold show it
    "a deleted contact": f"select count(*) from {{silver.contacts}} where contact_id = '{DELETED}' and _is_deleted",
    "a changed name": "select count(*) from {gold.dim_customers} where first_name = 'Renamed'",
    "two people are one": "select count(*) from (select customer_id from {silver.identities} "
    f"where identifier_type = 'crm_id' and identifier in ('{WITHDRAWN}', '{MERGED}') group by 1 having count(*) = 2)",
    "late rows": "select count(distinct occurred_at::date) = 5 from {silver.transactions} "
    "where occurred_at::date between '2017-03-01' and '2017-03-05'",
    "corrected rows": "select count(*) = 5 from {silver.transactions} where updated_at::date = '2018-01-01' "
    "and occurred_at::date = '2017-06-15'",
    "a product in another category": "select count(*) from {silver.products} where category = 'BROTH'",
    "a row replayed from quarantine": "select count(*) from {silver.consents} "
    "where changed_at::date = '2017-03-02' and status = 'granted'",
    "a row that stays in quarantine": "select count(*) from {silver.consents_quarantine}",
    "another version of a customer": "select count(*) from {gold.customer_history} where not is_current",
    "a redemption": f"select count(*) from {{silver.redemptions}} where customer_reference = '{RENAMED}'",
}


@dataclass
class Delivered:
    """A home in which the rich sample was taken to gold and exported; `repaired` is the configuration it ended with."""

    home: Home
    repaired: dict[str, str]

    @property
    def lake(self) -> Path:
        return self.home.lake


def _versions(lake: Path) -> dict[str, int | None]:
    return {name: newest_version(TableRef.parse(name), str(lake)) for name in tables(lake, "bronze", "silver", "gold")}


def _take_to_gold(home: Home) -> Delivered:
    """The data work of a first delivery; a second one through the whole main job."""
    deliver_first(home)
    do_data_work(home)
    repaired = deliver_second(home)
    home.lakehouse("quarantine", "replay", "consents", **repaired)
    home.lakehouse("run", "--campaign", CAMPAIGN, "--as-of", AS_OF, "--json", timeout=1200, **repaired)
    return Delivered(home, repaired)


@pytest.fixture(scope="module")
def on_sail(engines: Engines) -> Iterator[Delivered]:
    with engines.work_in("sail") as home:
        yield _take_to_gold(home)


@pytest.fixture(scope="module", params=["interpreted", pytest.param("compiled", marks=pytest.mark.soak)])
def on_spark(request: pytest.FixtureRequest, engines: Engines, new_spark_home: Home) -> Iterator[Delivered]:
    """Spark compiles queries to code for users, which for so few rows takes most of the time."""
    if request.param == "compiled":
        with own_engine_in(new_spark_home):
            yield _take_to_gold(new_spark_home)
    else:
        with engines.work_in("spark") as home:
            yield _take_to_gold(home)


@pytest.fixture(scope="module")
def new_spark_home(tmp_path_factory: pytest.TempPathFactory, resolved_jars: Path) -> Home:
    home = Home(tmp_path_factory.mktemp("spark"), "spark")
    copy_jars(resolved_jars, home)
    return home


def test_the_sample_is_rich(on_sail: Delivered) -> None:
    assert [what for what, query in HAPPENED.items() if not rows(on_sail.lake, query)[0][0]] == []


def test_every_silver_and_gold_table_is_the_same(on_sail: Delivered, on_spark: Delivered) -> None:
    names = result_tables(on_sail.lake)
    assert names == result_tables(on_spark.lake)
    assert {
        "silver.transactions",
        "silver.transactions_quarantine",
        "silver.identities",
        "gold.dim_customers",
        "gold.customer_history",
        "gold.segment_members",
    } <= set(names)
    assert {name: found for name in names if (found := difference(on_sail.lake, on_spark.lake, name))} == {}


@pytest.mark.parametrize(
    "query",
    [
        "select table_name, rule_id, severity, is_passed, count_checked, count_failed from {ops.quality_results}",
        "select stage, table_name, sum(count_read), sum(count_loaded), sum(count_quarantined), sum(count_duplicate) "
        "from {ops.runs} where stage in ('extract', 'bronze', 'silver', 'replay') group by all",
        "select customer_id, action from {ops.export_records}",
        "select campaign_id, count_audience, count_suppressed, count_exported from {ops.exports}",
        "select dataset, file_name, outcome, rows from {ops.files}",
    ],
    ids=["gates", "counts of stages", "exported customers", "counts of exports", "files"],
)
def test_what_is_recorded_is_the_same(on_sail: Delivered, on_spark: Delivered, query: str) -> None:
    left, right = (Counter(rows(delivered.lake, query)) for delivered in (on_sail, on_spark))
    assert left
    assert (left - right, right - left) == (Counter(), Counter())


def test_a_run_without_news_writes_nothing(on_sail: Delivered) -> None:
    before = _versions(on_sail.lake)
    do_data_work(on_sail.home, "--as-of", AS_OF, **on_sail.repaired)
    assert _versions(on_sail.lake) == before
