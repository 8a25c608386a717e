"""Every example in conf/examples is loaded, fed with what it describes, and its mapping is computed by an engine."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
import sqlalchemy as sa
import zstandard
from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession

from lakehouse.config.feeds import feeds, read_feeds
from lakehouse.config.placeholders import placeholders
from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.contracts import DATASETS
from tests.sources.api import TOKEN, Answer, serve
from tests.sources.conftest import Home, parquet_bytes

EXAMPLES = PROJECT_ROOT / "conf" / "examples"


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    server = SparkConnectServer()
    server.start(background=True)
    _, port = server.listening_address
    session = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").create()
    yield session
    session.stop()
    server.stop()


def _mapped(spark: SparkSession, home: Home, dataset: str) -> list[dict[str, Any]]:
    """Landed rows through the mapping of their feed."""
    (feed,) = feeds(dataset)
    landed = spark.read.parquet(str(home.path / "landing" / feed.source / dataset))
    mapped = landed.orderBy("_source_file", "_row_number").selectExpr(
        *(f"{sql} as {column}" for column, sql in feed.mapping.items())
    )
    return [row.asDict() for row in mapped.collect()]


def _example(home: Home, name: str, *changes: tuple[str, str]) -> None:
    text = (EXAMPLES / name).read_text()
    for written, instead in changes:
        assert written in text
        text = text.replace(written, instead)
    home.declare(text)


def test_all_examples_are_tried_here() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == {
        "files-csv.yml",
        "files-jsonl.yml",
        "files-parquet-object-store.yml",
        "sql.yml",
        "rest.yml",
        "placeholders.yml",
        "faults.yml",  # in tests/simulators/test_faults.py
    }


def test_the_example_of_placeholders_can_be_used(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "placeholders.yml", tmp_path)
    assert placeholders(tmp_path) != placeholders(tmp_path / "none")


def test_the_mapping_of_the_sample_is_sql_of_the_engine(spark: SparkSession) -> None:
    for feed in read_feeds(PROJECT_ROOT / "conf" / "sources.yml"):
        row = spark.createDataFrame(
            [(None,) * len(feed.mapped_columns)], ", ".join(f"`{name}` string" for name in feed.mapped_columns)
        )
        assert (
            row.selectExpr(*(f"cast({sql} as string) as {column}" for column, sql in feed.mapping.items())).count() == 1
        )
    words = spark.createDataFrame(
        [("opt_in",), ("unsubscribe",), ("hard_bounce",), ("complaint",), ("hm",)], "event string"
    )
    consents = next(feed for feed in read_feeds(PROJECT_ROOT / "conf" / "sources.yml") if feed.dataset == "consents")
    assert [row[0] for row in words.selectExpr(consents.mapping["status"]).collect()] == [
        "granted",
        "withdrawn",
        "bounced",
        "complained",
        "hm",
    ]


def test_csv(home: Home, spark: SparkSession) -> None:
    _example(home, "files-csv.yml")
    header = "Receipt No;Line;Card;Article;Quantity;Amount;Store;Date;Time;cashier\r\n"
    first = header + 'r1;1;L7;42;1,5;2,10;;31.12.2017;08:30;"Jürgen; jr."\r\n'
    home.deliver("deliveries/webshop/orders/2017/12/31.csv", first.encode("cp1252"))
    home.deliver(
        "deliveries/webshop/orders/2018/01.csv.gz",
        gzip.compress((header + "r2;1;L7;43;1;1,00;S1;01.01.2018;09:00;x\r\n").encode()),
    )
    corrected = header + "r1;1;L7;42;1,5;2,00;;31.12.2017;08:30;x\r\n"
    home.deliver("deliveries/webshop/corrections/1.csv.zst", zstandard.ZstdCompressor().compress(corrected.encode()))
    (outcome,) = home.extract("transactions")
    assert (outcome.loaded, outcome.warnings) == (3, ())
    assert "Jürgen; jr." in {row["cashier"] for row in home.landed("webshop", "transactions")}
    assert {
        "transaction_id": "r1", "line_number": "1", "reference_type": "loyalty_id", "customer_reference": "L7",
        "product_id": "00000042", "quantity": "1.5", "net_amount": "2.10", "currency": "EUR", "store_id": "web",
        "occurred_at": "2017-12-31 08:30",
    } in _mapped(spark, home, "transactions")  # fmt: skip

    home.deliver("deliveries/webshop/coupons/a.txt", '1\tL7\tc"1\tk\t2017-01-01\n')
    assert home.extract("redemptions")[0].loaded == 1
    assert _mapped(spark, home, "redemptions")[0]["coupon_id"] == 'c"1'


def test_json_lines(home: Home, spark: SparkSession) -> None:
    _example(home, "files-jsonl.yml")
    line = (
        '{"id": 7, "email": "A@x.org", "person": {"first": "Ann"}, "locale": "DE_at",'
        ' "created": "2017-01-01", "changed": "2017-01-02", "x": 1}\n'
    )
    home.deliver("deliveries/newcrm/contacts-1.jsonl.gz", gzip.compress(line.encode()))
    (outcome,) = home.extract("contacts")
    assert (outcome.loaded, outcome.warnings) == (1, ())
    assert _mapped(spark, home, "contacts") == [
        {
            "contact_id": "7",
            "email": "A@x.org",
            "first_name": "Ann",
            "language": "de",
            "created_at": "2017-01-01",
            "updated_at": "2017-01-02",
        }
    ]


def test_parquet_in_an_object_store(home: Home, spark: SparkSession) -> None:
    _example(home, "files-parquet-object-store.yml", ("s3://", "memory://"))
    store = fsspec.filesystem("memory")
    changed = pa.array([datetime(2017, 1, 1, 8, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    store.pipe(
        "/company-exports/warehouse/products/1.parquet",
        parquet_bytes(pa.table({"sku": [7], "title": ["Tea"], "path": ["Food/Tea"], "changed_at": changed})),
    )
    try:
        assert home.extract("products")[0].loaded == 1
    finally:
        store.rm("/company-exports", recursive=True)
    assert _mapped(spark, home, "products") == [
        {"product_id": "7", "name": "Tea", "department": "Food", "updated_at": "2017-01-01T08:00:00.000000Z"}
    ]


def test_sql(home: Home, spark: SparkSession, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERP_PASSWORD", "any")
    url = sa.make_url(postgres).set(drivername="postgresql+psycopg", password="${ERP_PASSWORD}")
    address = url.render_as_string(hide_password=False).replace("%24%7BERP_PASSWORD%7D", "${ERP_PASSWORD}")
    _example(home, "sql.yml", ("postgresql+psycopg://reader:${ERP_PASSWORD}@127.0.0.1:5432/erp", address))
    engine = sa.create_engine(url.set(password=None))
    with engine.begin() as connection:
        connection.execute(sa.text("drop schema if exists sales cascade"))
        connection.execute(sa.text("create schema sales"))
        columns = (
            "order_no text, pos int, customer_no int, sku text, qty numeric, amount numeric(10,2),"
            " ordered_at timestamp, changed_at timestamptz, margin int"
        )
        connection.execute(sa.text(f"create table sales.order_lines ({columns})"))
        connection.execute(
            sa.text(
                "insert into sales.order_lines values"
                " ('r1', 1, 7, 's', 1.5, 2.10, '2017-01-01 08:00', '2017-01-01 08:00+01', 3)"
            )
        )
        connection.execute(
            sa.text("create table sales.campaigns (id int, title text, starts timestamp, ends timestamp, budget int)")
        )
        connection.execute(sa.text("insert into sales.campaigns values (1, 'Spring', '2017-03-01', '2017-04-01', 5)"))
    engine.dispose()
    (transactions,), (campaigns,) = home.extract("transactions"), home.extract("campaigns")
    assert (transactions.loaded, transactions.warnings, campaigns.loaded, campaigns.warnings) == (1, (), 1, ())
    assert "margin" not in home.landed("erp", "transactions")[0]
    (line,) = _mapped(spark, home, "transactions")
    assert (line["quantity"], line["net_amount"], line["occurred_at"], line["updated_at"]) == (
        "1.5",
        "2.10",
        "2017-01-01T08:00:00",
        "2017-01-01T07:00:00+00:00",
    )
    assert _mapped(spark, home, "campaigns")[0]["starts_at"] == "2017-03-01T00:00:00"


@pytest.mark.slow
def test_rest(home: Home, spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOYALTY_API_TOKEN", TOKEN)

    def answer(path: str, query: dict[str, str]) -> Answer:
        match path.rsplit("/", 1)[1], query:
            case "consents", {"limit": "100", "changed_since": "2017-01-01T00:00:00Z", "cursor": "c2"}:
                return Answer(
                    {
                        "data": {
                            "items": [
                                {
                                    "mail": "B@x.org",
                                    "channel": "email",
                                    "state": "out",
                                    "changed": "2017-02-02",
                                    "source": "web",
                                }
                            ]
                        },
                        "meta": {},
                    }
                )
            case "consents", {"limit": "100", "changed_since": "2017-01-01T00:00:00Z"}:
                first = {"mail": "A@x.org", "channel": "email", "state": "in", "changed": "2017-02-01", "source": "web"}
                return Answer({"data": {"items": [first]}, "meta": {"next": "c2"}})
            case "products", {"page": page}:
                return Answer([{"id": page, "name": "Tea"}] if page in "12" else [])
            case "campaigns", {"p": "2"}:
                return Answer([{"id": 2, "start": "2017-01-01", "end": "2017-02-01"}])
            case "campaigns", _:
                return Answer(
                    [{"id": 1, "start": "2017-01-01", "end": "2017-02-01"}],
                    headers={"Link": '</api/v1/campaigns?p=2>; rel="next"'},
                )
            case "members", _:
                return Answer([{"campaign": 1, "contact": 7}])
        return Answer({}, 404)

    with serve() as api:
        api.answer = answer
        _example(home, "rest.yml", ("http://127.0.0.1:8099", api.url))
        assert [
            home.extract(dataset)[0].loaded for dataset in ("consents", "products", "campaigns", "campaign_members")
        ] == [2, 2, 2, 1]
    assert [row["status"] for row in _mapped(spark, home, "consents")] == ["granted", "withdrawn"]
    assert {feed.dataset for feed in feeds()} <= set(DATASETS)
    assert _mapped(spark, home, "campaign_members") == [
        {"campaign_id": "1", "reference_type": "crm_id", "customer_reference": "7"}
    ]


def test_a_constant_reaches_the_engine_as_it_was_written(spark: SparkSession) -> None:
    from lakehouse.config.column_mapping import ColumnMapping

    for text in ("it's", 'a "b"', "back\\slash\\n", "", "ü"):
        assert spark.range(1).selectExpr(ColumnMapping(constant=text).sql).collect()[0][0] == text
