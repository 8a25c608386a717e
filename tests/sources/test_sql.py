"""Source kind sql on a real PostgreSQL: full and incremental loads, late commits, kills, and databases that are not
there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.errors import ConfigurationError, ContractError, SourceUnavailableError, TerminalError
from tests.sources.conftest import Home

DECLARED = """
sources:
  erp:
    kind: sql
    url: postgresql+psycopg://${ERP_USER}:${ERP_PASSWORD}@${ERP_HOST}/postgres${ERP_QUERY}
    datasets:
      products:
        table: items
        load: increment
        watermark: changed
        lookback: 1 hour
        chunk_rows: 100
        mapping: {product_id: id, name: title, updated_at: changed}
      campaigns:
        table: campaigns
        load: full
        mapping: {campaign_id: id, starts_at: starts, ends_at: ends}
"""


@pytest.fixture
def database(postgres: str, home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    url = sa.make_url(postgres).set(drivername="postgresql+psycopg")
    host, query = (
        (url.host or "localhost", "")
        if not url.query
        else ("", "?" + "&".join(f"{key}={value}" for key, value in url.query.items()))
    )
    for name, value in {
        "USER": url.username,
        "PASSWORD": url.password or "any",
        "HOST": host + (f":{url.port}" if url.port else ""),
        "QUERY": query,
    }.items():
        monkeypatch.setenv(f"ERP_{name}", value or "")
    home.declare(DECLARED)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for table in ("items", "campaigns"):
            connection.execute(sa.text(f"drop table if exists {table}"))
        connection.execute(
            sa.text(
                "create table items (id bigint primary key, title text, price numeric(10,2), facts jsonb,"
                " changed timestamptz)"
            )
        )
        connection.execute(sa.text("create table campaigns (id text, starts timestamp, ends date)"))
    yield engine
    engine.dispose()


def _insert(engine: sa.Engine, first: int, last: int, changed: str) -> None:
    statement = """
        insert into items select n, 'title ' || n, 1.10, '{"a": [1]}', cast(:changed as timestamptz)
        from generate_series(cast(:first as bigint), cast(:last as bigint)) n"""
    with engine.begin() as connection:
        connection.execute(sa.text(statement), {"first": first, "last": last, "changed": changed})


def _ids(home: Home) -> list[str]:
    return sorted((row["id"] for row in home.landed("erp", "products")), key=int)


def test_values_arrive_as_text(database: sa.Engine, home: Home) -> None:
    _insert(database, 1, 1, "2017-01-01 10:00+02")
    (outcome,) = home.extract("products")
    assert outcome.warnings == ("erp items: new columns: price, facts",)
    (row,) = home.landed("erp", "products")
    assert re.fullmatch(r"items@[0-9a-f]{12}", row.pop("_source_file"))
    assert row == {
        "id": "1",
        "title": "title 1",
        "price": "1.10",
        "facts": '{"a":[1]}',
        "changed": "2017-01-01T08:00:00+00:00",
        "_row_number": 1,
    }


def test_a_backfill_reads_its_window_again_and_the_next_load_goes_on(database: sa.Engine, home: Home) -> None:
    for day in (1, 2, 3):
        _insert(database, day, day, f"2017-01-0{day} 10:00Z")
    home.extract("products")
    with database.begin() as connection:
        connection.execute(sa.text("update items set title = 'repaired' where id <= 2"))
    window = (datetime(2017, 1, 2, tzinfo=UTC), datetime(2017, 1, 3, tzinfo=UTC))
    again = home.backfill("products", *window)
    assert (again.read, again.loaded) == (1, 1)
    assert [row["id"] for row in home.landed("erp", "products") if row["title"] == "repaired"] == ["2"]
    twice = home.backfill("products", *window)
    assert (twice.read, twice.loaded, twice.duplicates) == (1, 0, 1)
    _insert(database, 4, 4, "2017-01-04 10:00Z")
    (later,) = home.extract("products")
    assert (later.read, later.loaded) == (2, 1), "the lookback's row and the new one: not the days between"


def test_increments_with_late_commits_and_no_repeats(database: sa.Engine, home: Home) -> None:
    _insert(database, 1, 250, "2017-01-01 10:00Z")
    assert home.extract("products")[0].loaded == 250
    (outcome,) = home.extract("products")
    assert (outcome.read, outcome.loaded, outcome.duplicates, outcome.skipped) == (250, 0, 250, True)
    _insert(database, 251, 260, "2017-01-01 09:30Z")  # committed late: behind the watermark, within the lookback
    _insert(database, 261, 270, "2017-01-01 12:00Z")
    _insert(database, 271, 280, "2017-01-01 08:30Z")  # later than the lookback allows for
    (outcome,) = home.extract("products")
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (270, 20, 250)
    (outcome,) = home.extract("products")
    assert (outcome.read, outcome.loaded, outcome.skipped) == (10, 0, True)
    assert _ids(home) == [str(number) for number in range(1, 271)]
    (outcome,) = home.extract("products", is_full=True)
    assert outcome.loaded == 280
    assert home.extract("products")[0].skipped


def test_a_changed_row_at_the_same_moment_is_seen(database: sa.Engine, home: Home) -> None:
    _insert(database, 1, 2, "2017-01-01 10:00Z")
    home.extract("products")
    with database.begin() as connection:
        connection.execute(sa.text("update items set title = 'new' where id = 2"))
    (outcome,) = home.extract("products")
    assert (outcome.loaded, outcome.duplicates) == (1, 1)


def test_rows_without_a_watermark_are_reported(database: sa.Engine, home: Home) -> None:
    _insert(database, 1, 3, "2017-01-01 10:00Z")
    with database.begin() as connection:
        connection.execute(sa.text("update items set changed = null where id = 2"))
    (outcome,) = home.extract("products")
    assert outcome.loaded == 2
    assert "1 rows have no changed and are never read" in outcome.warnings[0]


def test_an_empty_table_is_no_error(database: sa.Engine, home: Home) -> None:
    assert home.extract("products")[0].skipped
    assert home.extract("campaigns")[0].skipped


def test_the_upper_end_is_fixed_before_the_first_row(
    database: sa.Engine, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakehouse.sources import sql

    _insert(database, 1, 10, "2017-01-01 10:00Z")
    original = sql._upper_end

    def meanwhile(*arguments: object) -> object:
        upper = original(*arguments)  # type: ignore[arg-type]
        _insert(database, 11, 20, "2017-01-01 11:30Z")
        return upper

    with monkeypatch.context() as busy:
        busy.setattr(sql, "_upper_end", meanwhile)
        assert home.extract("products")[0].loaded == 10
    assert home.extract("products")[0].loaded == 10
    assert _ids(home) == [str(number) for number in range(1, 21)]


def test_an_unchanged_full_table_lands_once_and_an_old_state_can_come_back(database: sa.Engine, home: Home) -> None:
    def run(statement: str) -> tuple[int, bool]:
        with database.begin() as connection:
            connection.execute(sa.text(statement))
        (outcome,) = home.extract("campaigns")
        return outcome.loaded, outcome.skipped

    insert = "insert into campaigns values ('a', '2017-01-01 08:00', '2017-02-01'), ('b', null, null)"
    assert run(insert) == (2, False)
    assert run(
        "delete from campaigns; insert into campaigns values ('b', null, null), ('a', '2017-01-01 08:00', '2017-02-01')"
    ) == (0, True)
    assert run("delete from campaigns where id = 'b'") == (1, False)
    assert run("insert into campaigns values ('b', null, null)") == (2, False), "the state before is the newest again"
    assert run("select 1") == (0, True)
    assert [outcome for _, outcome, _, _ in home.files()] == ["duplicate_delivery", "landed", "landed", "landed"]
    first = next(row for row in home.landed("erp", "campaigns") if row["id"] == "a")
    assert (first["starts"], first["ends"]) == ("2017-01-01T08:00:00", "2017-02-01")


_RUN = """
from datetime import UTC, datetime
import lakehouse.sources.sql, deltalake
from lakehouse.sources.extract import extract_dataset
from lakehouse.window import BatchWindow
print("ready", flush=True)
moment = datetime(2018, 1, 2, tzinfo=UTC)
extract_dataset("products", BatchWindow.of(moment, moment, "killed"))
"""


@pytest.mark.slow
def test_killed_and_read_again(database: sa.Engine, home: Home) -> None:
    _insert(database, 1, 15_000, "2017-01-01 10:00Z")
    environment = os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}
    with subprocess.Popen([sys.executable, "-c", _RUN], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
    home.extract("products")
    assert _ids(home) == [str(number) for number in range(1, 15_001)]
    assert not list((home.path / "landing").rglob("*.part"))


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("table: items", "table: itemz", "source erp has no table or view itemz"),
        ("name: title", "name: titel", "missing columns: titel"),
        ("watermark: changed", "watermark: changet", "missing columns: changet"),
        ("lookback: 1 hour", "lookback: 5", "lookback 5 does not fit the watermark changed"),
    ],
)
def test_a_declaration_that_does_not_fit(database: sa.Engine, home: Home, right: str, wrong: str, problem: str) -> None:
    _insert(database, 1, 1, "2017-01-01 10:00Z")
    home.declare(DECLARED.replace(right, wrong))
    with pytest.raises(ContractError, match=problem):
        home.extract("products")


def test_a_database_that_cannot_be_reached(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.declare(
        DECLARED.replace(
            "${ERP_USER}:${ERP_PASSWORD}@${ERP_HOST}/postgres${ERP_QUERY}", "reader:${ERP_PASSWORD}@127.0.0.1:15109/erp"
        )
    )
    monkeypatch.setenv("ERP_PASSWORD", "s3cret")
    with pytest.raises(
        SourceUnavailableError, match=r"Check that 127\.0\.0\.1:15109 is up and lets reader in"
    ) as caught:
        home.extract("products")
    assert "s3cret" not in str(caught.value)
    monkeypatch.delenv("ERP_PASSWORD")
    with pytest.raises(ConfigurationError, match=r"sources\.yml:5: environment variable ERP_PASSWORD is not set"):
        home.extract("products")


def test_an_unknown_database_kind(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERP_URL", "nosuch://x/y")
    home.declare(re.sub(r"url: .*", "url: ${ERP_URL}", DECLARED))
    with pytest.raises(ConfigurationError, match="the URL of source erp is wrong"):
        home.extract("products")


def test_a_url_that_cannot_be_parsed_is_not_shown(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERP_URL", "postgresql+psycopg://reader:a@s3cret:s3cret@127.0.0.1/erp")
    home.declare(re.sub(r"url: .*", "url: ${ERP_URL}", DECLARED))
    with pytest.raises(ConfigurationError, match=r"sources\.yml:5: the URL of source erp cannot be parsed") as caught:
        home.extract("products")
    assert "s3cret" not in str(caught.value) and caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("timestamp", "infinity", "infinity"),
        ("timestamp", "-infinity", "-infinity"),
        ("timestamptz", "infinity", "infinity"),
        ("timestamp", "20000-01-01 00:00", "20000-01-01 00:00:00"),
        ("date", "infinity", "infinity"),
        ("date", "0044-03-15 BC", "0044-03-15 BC"),
        ("time", "24:00", "24:00:00"),
        ("date[]", "{infinity,2017-01-01}", '["infinity","2017-01-01"]'),
        ("numeric", "NaN", "NaN"),
        ("json", '{"a": 1.10, "b": "Zo\\ud83d"}', '{"a":1.10,"b":"Zo\ufffd"}'),
    ],
)
def test_a_value_that_python_cannot_hold_comes_as_text(
    database: sa.Engine, home: Home, kind: str, value: str, expected: str
) -> None:
    with database.begin() as connection:
        connection.execute(sa.text("drop table campaigns"))
        connection.execute(sa.text(f"create table campaigns (id text, starts date, ends {kind})"))
        insert = sa.text(f"insert into campaigns values ('a', null, cast(:value as {kind})), ('b', null, null)")
        connection.execute(insert, {"value": value})
    assert home.extract("campaigns")[0].loaded == 2
    assert [(row["id"], row["ends"]) for row in home.landed("erp", "campaigns")] == [("a", expected), ("b", None)]


@pytest.mark.parametrize("changed", ["infinity", "2099-12-31 10:00Z"])
def test_a_watermark_beyond_now_hides_nothing(database: sa.Engine, home: Home, changed: str) -> None:
    _insert(database, 1, 1, "2017-01-01 10:00Z")
    _insert(database, 2, 2, changed)
    (first,) = home.extract("products")
    assert (first.loaded, len(first.warnings)) == (2, 2)
    _insert(database, 3, 3, "2017-01-01 11:00Z")
    assert home.extract("products")[0].loaded == 1
    assert home.extract("products")[0].skipped


def test_an_error_that_nobody_foresaw_stops_its_feed_only(
    database: sa.Engine, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakehouse.sources import sql

    _insert(database, 1, 1, "2017-01-01 10:00Z")
    twice = DECLARED.partition("      campaigns:")[0]
    home.declare(twice + twice.replace("\nsources:\n", "").replace("  erp:", "  broken:").replace("items", "other"))
    with database.begin() as connection:
        connection.execute(sa.text("create table if not exists other as select * from items"))
    read = sql._read

    def fail(engine: object, table: sa.Table, *others: object) -> object:
        if table.name == "items":
            raise ZeroDivisionError("jane@example.com")
        return read(engine, table, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(sql, "_read", fail)
    with pytest.raises(TerminalError, match="source erp: products cannot be read: ZeroDivisionError in ") as caught:
        home.extract("products")
    assert "jane" not in str(caught.value)
    assert [outcome.loaded for outcome in caught.value.outcomes] == [1]
