"""Segments of the configuration, built: a condition gives on each engine what its preview gives, and segment_members
follows the file."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.activation.segments.conditions import condition
from lakehouse.activation.segments.functions import LISTED
from lakehouse.activation.segments.profile_columns import profile_columns
from lakehouse.config.folder import working_with
from lakehouse.config.settings import settings
from lakehouse.gold.staleness import SEGMENTS, changed_inputs
from lakehouse.spark.session import register, session
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.tables import gold
from lakehouse.window import BatchWindow
from tests.dbt_project.conftest import AS_OF, Shop, day, gold_rows
from tests.support.homes import Home

# Function -> conditions that call it.
CALLS = {
    "lower": ["lower(first_name) = 'zoë'", "lower(last_name) like 'o\\'%'"],
    "trim": ["trim(first_name) = 'Ada'", "trim(first_name) = first_name"],
    "length": ["length(first_name) = 3", "length(last_name) > 4"],
    "left": ["left(first_name, 2) = 'Zo'", "left(postal_code, 9) = '10115'"],
    "right": ["right(first_name, 1) = 'ë'"],
    "substring": ["substring(postal_code, 2, 3) = '011'", "substring(first_name, 9, 2) = ''"],
    "contains": ["contains(first_name, 'd')", "not contains(first_name, '')"],
    "startswith": ["startswith(first_name, 'A')"],
    "endswith": ["endswith(first_name, 'a')"],
    "concat": ["concat(first_name, '-', language) = 'Ada-de'", "concat(first_name, language) is null"],
    "abs": ["abs(count_orders - 2) = 1", "abs(total_spend) > 1.5"],
    "ceil": ["ceil(total_spend) = 21", "ceil(discount_sensitivity) = 0"],
    "floor": ["floor(average_order_value) = 10", "floor(-0.5 * total_spend) < -10"],
    "coalesce": ["coalesce(language, 'none') = 'none'", "coalesce(recency_days, 0) = 0"],
    "nullif": ["nullif(language, 'de') is null", "nullif(count_orders, 0) >= 1"],
    "greatest": ["greatest(count_orders, recency_days) = 2", "greatest(first_name, language) = 'en'"],
    "least": ["least(count_orders, recency_days, 5) = 1"],
    "if": ["if(count_orders > 1, 'many', 'few') = 'many'", "if(language = 'de', 1, 2) = 2"],
    "year": ["year(first_order_at) = 2017"],
    "month": ["month(first_order_at) = 12"],
    "day": ["day(last_order_at) between 29 and 31"],
    "hour": ["hour(last_order_at) = 23", "hour(last_order_at) < 13"],
    "date": ["date(last_order_at) = date '2017-12-31'", "date(last_order_at) >= as_of - interval 3 days"],
    "datediff": ["datediff(as_of, last_order_at) = 2", "datediff(last_order_at, first_order_at) >= 1"],
}
OPERATORS = [
    "count_orders >= 1 and (language = 'de' or not is_mailable)",
    "language in ('de', 'en') and count_orders not in (0, 7)",
    "language <=> country",
    "language is not null and country is null",
    "total_spend between 10 and 20.31",
    "total_spend + 1 > 2 * average_order_value - 1",
    "spend_30d > 0.5 * spend_365d",
    "discount_sensitivity < 0.2 or -1 * count_orders < -1",
    "first_name like '_d%'",
    "first_name > 'B'",
    "case when count_orders = 0 then 'none' when count_orders = 1 then 'one' else 'more' end <> 'one'",
    "case language when 'de' then 1 else 0 end = 1",
    "last_order_at >= as_of - interval 2 days",
    "last_order_at < timestamp '2017-12-31 12:00:00'",
    "first_order_at + interval 1 month > as_of - interval 1 week",
    "first_order_at + interval 1 year > as_of + interval 13 hours",
    "last_order_at is null or first_order_at = last_order_at",
    "first_name = 'O\\'Hara' or last_name = 'O\\'Hara'",
]


def _open_shop(shop: Shop) -> None:
    """Customers with and without orders, accents, blanks, quotes and nulls."""
    shop.contact("1", "c1", first_name="Ada", last_name="O'Hara", language="de", postal_code="10115")
    shop.contact("2", "c2", first_name=" Zoë ", last_name="Ünal", language="en", country="en", postal_code="01 234")
    shop.contact("3", "c3", first_name="Zoë", last_name=None, language=None)
    shop.contact("4", "c4", first_name=None, language="de", country=None)
    shop.buys("t1", "1", day(12, 31), "10.10")
    shop.buys("t2", "1", day(11, 30), "10.21")
    shop.buys("t3", "2", day(12, 30).replace(hour=23, minute=59), "20.31", discount_amount=Decimal("-5.00"))


@pytest.fixture
def conf(tmp_path: Path) -> Iterator[Path]:
    """A configuration folder that counts in this process."""
    with working_with(tmp_path):
        yield tmp_path


def _declare(conf: Path, **segments: str) -> None:
    lines = [f"  {name}:\n    description: People.\n    where: {where}\n" for name, where in segments.items()]
    (conf / "segments.yml").write_text("segments:\n" + "".join(lines) if lines else "segments: {}\n")


def _members(segment: str) -> list[tuple[str, str | None]]:
    query = "select customer_id, detail from {gold.segment_members} where segment = "
    return gold_rows(f"{query}'{segment}' order by 1")


def test_every_listed_function_has_a_comparison() -> None:
    assert set(CALLS) == LISTED


TYPES = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "decimal(18,2)": pa.decimal128(18, 2),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


def _write_profiles() -> None:
    """The customers of `_open_shop` as rows of gold: no engine need build them to compare what conditions say."""
    nobody = {"count_orders": 0, "total_spend": 0, "spend_30d": 0, "spend_365d": 0, "is_mailable": True, "as_of": AS_OF}
    bought = {"count_orders": 1, "discount_sensitivity": 0.0, "spend_365d": Decimal("20.31")}
    ada = {"first_name": "Ada", "last_name": "O'Hara", "language": "de", "country": "US", "postal_code": "10115"}
    ada |= bought | {"count_orders": 2, "total_spend": Decimal("20.31"), "average_order_value": Decimal("10.16")}
    ada |= {"spend_30d": Decimal("10.10"), "recency_days": 1}
    ada |= {"first_order_at": day(11, 30), "last_order_at": day(12, 31)}
    zoe = {"first_name": " Zoë ", "last_name": "Ünal", "language": "en", "country": "en", "postal_code": "01 234"}
    zoe |= bought | dict.fromkeys(("total_spend", "average_order_value", "spend_30d"), Decimal("20.31"))
    zoe |= {"discount_sensitivity": 0.1975, "recency_days": 2}
    zoe |= dict.fromkeys(("first_order_at", "last_order_at"), day(12, 30).replace(hour=23, minute=59))
    people = [ada, zoe, {"first_name": "Zoë", "country": "US"}, {"language": "de"}]
    rows = [nobody | person | {"customer_id": f"c{number}"} for number, person in enumerate(people, start=1)]
    schema = pa.schema([(column.name, TYPES[column.data_type]) for column in profile_columns().values()])
    write_deltalake(
        gold("dim_customers").location(settings().lake), pa.Table.from_pylist(rows, schema=schema), mode="overwrite"
    )
    register(session(), gold("dim_customers"))


@pytest.mark.both_engines
def test_a_condition_means_the_same_to_the_preview_and_the_engine(engine: Home) -> None:
    _write_profiles()
    conditions = [*(text for calls in CALLS.values() for text in calls), *OPERATORS]
    checked = [condition(text, profile_columns()) for text in conditions]
    counted = ", ".join(f"sort_array(collect_list(if({one.spark}, customer_id, null)))" for one in checked)
    built = session().sql(f"select {counted} from gold.dim_customers").collect()[0]
    listed = ", ".join(f"list(customer_id order by customer_id) filter ({one.duckdb})" for one in checked)
    with open_snapshot([gold("dim_customers")], settings().lake) as snapshot:
        previewed = snapshot.connection.execute(f"select {listed} from gold.dim_customers").fetchall()[0]
    wrong = {
        text: (on_engine, on_duckdb or [])
        for text, on_engine, on_duckdb in zip(conditions, built, previewed, strict=True)
        if on_engine != (on_duckdb or [])
    }
    assert not wrong
    chosen = [len(found or []) for found in previewed]
    assert sum(0 < count < 4 for count in chosen) > len(chosen) * 0.8  # they tell customers apart


@pytest.mark.slow
@pytest.mark.both_engines(soak=True)
def test_members_follow_the_file(engine: Home, shop: Shop, conf: Path) -> None:
    _open_shop(shop)
    (conf / "segments").mkdir()
    own = "select customer_id, language as detail from {{ ref('dim_customers') }} where language is not null\n"
    (conf / "segments" / "segment_speakers.sql").write_text(own)
    _declare(conf, buyers="count_orders >= 1\n    detail: lower(last_name)", hara="last_name = 'O\\'Hara'")
    (conf / "segments.yml").write_text((conf / "segments.yml").read_text().replace("lower(last_name)", "postal_code"))
    shop.build()
    assert _members("buyers") == [("c1", "10115"), ("c2", "01 234")]
    assert _members("hara") == [("c1", None)]
    assert _members("speakers") == [("c1", "de"), ("c2", "en"), ("c4", "de")]
    assert _members("no_purchase_yet") == [("c3", None), ("c4", None)]
    window = BatchWindow.of(AS_OF, AS_OF, "test")
    assert not changed_inputs(window)
    _declare(conf, buyers="count_orders >= 2")
    (conf / "segments" / "segment_speakers.sql").unlink()
    assert changed_inputs(window) == {SEGMENTS}
    shop.build()
    assert _members("buyers") == [("c1", None)]
    assert _members("hara") == _members("speakers") == []
    assert _members("no_purchase_yet") == [("c3", None), ("c4", None)]
    (conf / "segments.yml").write_text("# a comment\n" + (conf / "segments.yml").read_text())
    assert not changed_inputs(window)
