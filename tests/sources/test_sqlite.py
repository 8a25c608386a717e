"""Source kind sql on SQLite: a file that may not be there, and times that are texts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from lakehouse.errors import ContractError, SourceUnavailableError
from tests.sources.conftest import Home

DECLARED = """
sources:
  erp:
    kind: sql
    url: ${ERP_URL}
    datasets:
      products:
        table: items
        load: increment
        watermark: changed
        lookback: 1 hour
        mapping: {product_id: id, name: title, updated_at: changed}
"""


def test_sqlite_by_the_same_declaration(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERP_URL", f"sqlite:///{tmp_path}/erp.db")
    home.declare(DECLARED.replace("lookback: 1 hour", "lookback: 1"))
    engine = sa.create_engine(f"sqlite:///{tmp_path}/erp.db")
    with engine.begin() as connection:
        connection.execute(sa.text("create table items (id integer, title text, changed integer)"))
        connection.execute(sa.text("insert into items values (1, 'x', 10), (2, 'y', 11)"))
    assert home.extract("products")[0].loaded == 2
    assert home.extract("products")[0].skipped
    engine.dispose()


@pytest.mark.parametrize("name", ["erp.db", "no/folder/erp.db", "file:{}/erp.db?uri=true"])
def test_a_database_file_that_is_not_there_is_not_made(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("ERP_URL", f"sqlite:///{name.format(tmp_path)}")
    monkeypatch.chdir(tmp_path)
    home.declare(DECLARED.replace("lookback: 1 hour", "lookback: 1"))
    with pytest.raises(SourceUnavailableError, match=rf"source erp: the database {tmp_path}/.*erp\.db does not exist"):
        home.extract("products")
    assert not list(tmp_path.rglob("erp.db"))


def _sqlite(home: Home, monkeypatch: pytest.MonkeyPatch, kind: str, *changed: str) -> sa.Engine:
    """A SQLite database with one item for each moment; the moments are in a column declared as `kind`."""
    monkeypatch.setenv("ERP_URL", f"sqlite:///{home.path}/erp.db")
    home.declare(DECLARED)
    engine = sa.create_engine(f"sqlite:///{home.path}/erp.db", poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(f"create table items (id integer primary key, title text, changed {kind})"))
    _insert_texts(engine, *changed)
    return engine


def _insert_texts(engine: sa.Engine, *changed: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text("insert into items (title, changed) values ('x', :changed)"),
            [{"changed": moment} for moment in changed],
        )


@pytest.mark.parametrize("kind", ["text", "timestamp"])
@pytest.mark.parametrize("form", ["{} {}", "{}T{}", "{}T{}Z", "{} {}.250+01:00"])
def test_times_that_are_texts_are_read_behind_the_lookback(
    home: Home, monkeypatch: pytest.MonkeyPatch, kind: str, form: str
) -> None:
    def moment(time: str, day: str = "2017-01-01") -> str:
        return form.format(day, time)

    engine = _sqlite(home, monkeypatch, kind, moment("08:00:00"), moment("10:00:00"))
    assert home.extract("products")[0].loaded == 2
    _insert_texts(engine, moment("08:59:59"), moment("09:00:00"), moment("10:00:00"), moment("00:10:00", "2017-01-02"))
    (outcome,) = home.extract("products")
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (4, 3, 1), (
        "all but the one that is later than the lookback allows for"
    )
    _insert_texts(engine, moment("23:20:00"))
    assert home.extract("products")[0].loaded == 1
    assert home.extract("products")[0].skipped
    assert moment("08:00:00") in {row["changed"] for row in home.landed("erp", "products")}, "landed as it was written"


@pytest.mark.parametrize(("form", "last"), [("{} {}", 6), ("{}T{}Z", 5)])
def test_a_backfill_of_sqlite_reads_its_window_again(
    home: Home, monkeypatch: pytest.MonkeyPatch, form: str, last: int
) -> None:
    """With at least a day more on both sides, because the zone is not known."""
    days = [form.format(f"2017-01-0{day}", "23:59:59") for day in range(1, 8)]
    _sqlite(home, monkeypatch, "datetime", *days)
    home.extract("products")
    again = home.backfill("products", datetime(2017, 1, 4, tzinfo=UTC), datetime(2017, 1, 5, tzinfo=UTC))
    landed = Counter(row["changed"][:10] for row in home.landed("erp", "products"))
    assert again.loaded == again.read
    assert [day for day, count in sorted(landed.items()) if count == 2] == [
        f"2017-01-0{day}" for day in range(3, last + 1)
    ]


def test_a_lookback_on_other_texts_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    _sqlite(home, monkeypatch, "text", "v1", "v2")
    with pytest.raises(
        ContractError,
        match=r"lookback 1:00:00 does not fit the watermark changed of source erp, a text\."
        " .*leave it out for other texts",
    ):
        home.extract("products")
    home.declare((home.path / "conf" / "sources.yml").read_text().replace("lookback: 1 hour\n", "\n"))
    assert home.extract("products")[0].loaded == 2


FULL = """
sources:
  erp:
    kind: sql
    url: ${ERP_URL}
    datasets:
      products:
        table: items
        load: full
        other_columns: "*"
        mapping: {product_id: id, name: title}
"""


def _full(home: Home, monkeypatch: pytest.MonkeyPatch, *statements: str) -> None:
    monkeypatch.setenv("ERP_URL", f"sqlite:///{home.path}/erp.db")
    home.declare(FULL)
    engine = sa.create_engine(f"sqlite:///{home.path}/erp.db", poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    ("kind", "stored", "expected"),
    [
        ("boolean", "'f'", "f"),
        ("boolean", "'t'", "t"),
        ("boolean", "0", "0"),
        ("boolean", "'no'", "no"),
        ("date", "'31.12.1990'", "31.12.1990"),
        ("date", "''", ""),
        ("date", "19901231", "19901231"),
        ("datetime", "'yesterday'", "yesterday"),
        ("time", "'24:00'", "24:00"),
        ("decimal(10,2)", "''", ""),
        ("decimal(10,2)", "'1,50'", "1,50"),
        ("decimal(10,2)", "2.5", "2.5"),
        ("integer", "'n/a'", "n/a"),
        ("integer", "9223372036854775807", "9223372036854775807"),
        ("json", "'{broken'", "{broken"),
        ("text", "x'6162'", "ab"),
    ],
)
def test_values_come_as_they_are_stored(
    home: Home, monkeypatch: pytest.MonkeyPatch, kind: str, stored: str, expected: str
) -> None:
    _full(
        home,
        monkeypatch,
        f"create table items (id text, title text, value {kind})",
        f"insert into items values ('a', 'x', {stored}), ('b', 'y', null)",
    )
    (outcome,) = home.extract("products")
    assert (outcome.loaded, outcome.warnings) == (2, ())
    assert [(row["id"], row["value"]) for row in home.landed("erp", "products")] == [("a", expected), ("b", None)]


def test_text_that_is_not_utf8_costs_its_characters_and_not_the_table(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    _full(
        home,
        monkeypatch,
        "create table items (id text, title text)",
        "insert into items values ('a', 'x'), ('b', cast(x'5ae9' as text)), ('c', 'z')",
    )
    (outcome,) = home.extract("products")
    assert [row["title"] for row in home.landed("erp", "products")] == ["x", "Z\ufffd", "z"]
    assert "1 rows have characters that are none" in outcome.warnings[0]
    assert "_row_number 2 (title)" in outcome.warnings[0]
    assert home.extract("products")[0].skipped


@pytest.mark.parametrize("kind", ["text", "timestamp", "date"])
def test_one_row_of_2099_does_not_hide_what_changes_until_then(
    home: Home, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    form = "{}" if kind == "date" else "{} 10:00:00"
    engine = _sqlite(home, monkeypatch, kind, form.format("2017-01-01"), form.format("2099-12-31"))
    (first,) = home.extract("products")
    assert first.loaded == 2
    assert "changed lies in the future in 1 rows" in first.warnings[0]
    _insert_texts(engine, form.format("2017-01-03"))
    (second,) = home.extract("products")
    assert (second.read, second.loaded, second.duplicates) == (3, 1, 2)
    assert second.warnings == first.warnings
    _insert_texts(engine, form.format("2017-01-04"), form.format("2017-01-05"))
    assert home.extract("products")[0].loaded == 2
    assert home.extract("products")[0].skipped


def test_a_watermark_that_an_earlier_version_moved_into_the_future_comes_back(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = _sqlite(home, monkeypatch, "text", "2017-01-01 10:00:00", "2017-12-31 10:00:00")
    home.extract("products")
    journal = home.path / "landing" / "erp" / "products" / "_journal.jsonl"
    journal.write_text(journal.read_text().replace("2017-12-31", "2099-12-31"))
    _insert_texts(engine, "2017-06-01 10:00:00")
    (outcome,) = home.extract("products")
    assert (outcome.read, outcome.warnings) == (
        3,
        ("erp items: changed was read up to a time in the future, so everything is read again",),
    )
    assert len({row["id"] for row in home.landed("erp", "products")}) == 3
    assert home.extract("products")[0].skipped


def test_a_watermark_that_is_no_time_does_not_hide_times(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = _sqlite(home, monkeypatch, "text", "2017-01-01 10:00:00", "2017-01-02 10:00:00", "n/a")
    (first,) = home.extract("products")
    assert first.loaded == 3
    assert "changed does not compare with the others in 1 rows" in first.warnings[0]
    _insert_texts(engine, "2017-01-03 10:00:00")
    assert home.extract("products")[0].loaded == 1
    assert home.extract("products")[0].skipped


def test_rows_without_a_watermark_are_counted_at_every_load(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = _sqlite(home, monkeypatch, "text", "2017-01-01 10:00:00")
    assert home.extract("products")[0].warnings == ()
    with engine.begin() as connection:
        connection.execute(sa.text("insert into items (title, changed) values ('x', null), ('y', null)"))
    for _ in range(2):
        assert "2 rows have no changed and are never read" in home.extract("products")[0].warnings[0]


@pytest.mark.parametrize("lookback", ["lookback: 1 hour\n", "\n"])
@pytest.mark.parametrize("later", ["2017-01-01T10:00:00.500Z", "2017-01-01T10:00:00Z"])
def test_rows_of_the_watermarks_second_are_read_again(
    home: Home, monkeypatch: pytest.MonkeyPatch, lookback: str, later: str
) -> None:
    """As texts, 10:00:00.500Z comes before 10:00:00Z."""
    engine = _sqlite(home, monkeypatch, "text", "2017-01-01T09:00:00Z", "2017-01-01T10:00:00Z")
    home.declare((home.path / "conf" / "sources.yml").read_text().replace("lookback: 1 hour\n", lookback))
    home.extract("products")
    _insert_texts(engine, later)
    assert home.extract("products")[0].loaded == 1
    assert home.extract("products")[0].skipped
