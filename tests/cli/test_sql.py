"""`lakehouse sql`: right answers in every format, pure JSON, and no way out of reading the lake."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.config.settings import PROJECT_ROOT, environment_with
from lakehouse.errors import QueryError
from lakehouse.storage import duckdb_views
from lakehouse.storage.sql import run_query, tables_in_query
from lakehouse.tables import TableRef
from lakehouse.utils.sql_text import standard_literal
from tests.cli.conftest import Lakehouse, customers


def test_json_is_one_array_of_row_objects_and_nothing_else(lakehouse: Lakehouse) -> None:
    ran = lakehouse("sql", "--format", "json", "select * from gold.dim_customers order by customer_id")
    assert (ran.code, ran.err) == (0, "")
    rows = json.loads(ran.out, parse_float=Decimal)
    assert rows[0] == {
        "customer_id": "c1",
        "total_spend": Decimal("12.30"),
        "last_order_at": "2018-01-02T03:04:05Z",
        "birth_date": "1990-05-17",
        "categories": ["b", "a"],
        "address": {"city": "Köln", "zip": None},
        "is_mailable": True,
    }
    assert [row["customer_id"] for row in rows] == ["c1", "c2"] and '"total_spend":12.30' in ran.out


def test_json_of_no_rows_and_of_odd_values(lakehouse: Lakehouse) -> None:
    assert lakehouse("sql", "--format", "json", "select * from gold.dim_customers where false").out == "[]\n"
    odd = (
        "select 1 as a, 2 as a, 'nan'::double as n, 12345678901234567890123456789012345678::hugeint as h,"
        " 'x'::blob as b, [{'d': 1.50::decimal(5,2)}] as l"
    )
    assert lakehouse("sql", "--format", "json", odd).out == (
        '[{"a":1,"a_1":2,"n":null,"h":12345678901234567890123456789012345678,"b":"78","l":[{"d":1.50}]}]\n'
    )


def test_csv(lakehouse: Lakehouse) -> None:
    columns = "customer_id, total_spend, last_order_at, categories, address, null as nothing"
    ran = lakehouse("sql", "--format", "csv", f"select {columns} from gold.dim_customers order by 1")
    rows = list(csv.reader(io.StringIO(ran.out)))
    assert rows[0] == ["customer_id", "total_spend", "last_order_at", "categories", "address", "nothing"]
    assert rows[1] == ["c1", "12.30", "2018-01-02T03:04:05Z", '["b","a"]', '{"city":"Köln","zip":null}', ""]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", " ="])
def test_safe_csv_makes_formulas_texts(lakehouse: Lakehouse, tmp_path: Path, sign: str) -> None:
    text = f"{sign}cmd|' /C calc'!A0"
    literal = standard_literal(text)
    query = f"select {literal} as \"=a\", -1.5 as number, [{literal}] as list, 'a=b' as text, null as nothing"
    target = tmp_path / "rows.csv"
    assert lakehouse("sql", "--safe-csv", "--output", str(target), query).code == 0
    with target.open(newline="") as file:
        header, row = csv.reader(file)
    assert header == ["'=a", "number", "list", "text", "nothing"]
    assert (row[0], row[1], row[3], row[4]) == (f"'{text}", "-1.5", "a=b", "") and row[2].startswith("[")


def test_safe_csv_is_csv(lakehouse: Lakehouse, tmp_path: Path) -> None:
    ran = lakehouse("sql", "--safe-csv", "--format", "json", "select '=1' as x")
    assert (ran.code, ran.out) == (2, "") and "--format csv" in ran.err
    target = tmp_path / "rows.csv"
    assert lakehouse("sql", "--safe-csv", "--output", str(target), "select '=1' as x").code == 0
    assert target.read_text() == "x\n'=1\n"


def test_not_a_number_is_no_null_where_people_and_spreadsheets_look(lakehouse: Lakehouse) -> None:
    odd = "select 'nan'::double as n, '-inf'::double as i, null::double as nothing, ['nan'::double] as nested"
    assert lakehouse("sql", "--format", "csv", odd).out == "n,i,nothing,nested\nNaN,-Infinity,,[null]\n"
    assert lakehouse("sql", odd).out.splitlines()[-1].split() == ["NaN", "-Infinity", "[null]"]


def test_parquet_keeps_types(lakehouse: Lakehouse, tmp_path: Path) -> None:
    target = tmp_path / "answer.parquet"
    ran = lakehouse(
        "sql", "--format", "parquet", "--output", str(target), "select * from gold.dim_customers order by customer_id"
    )
    assert (ran.code, ran.out) == (0, "")
    assert pq.read_table(target).to_pylist() == customers("12.30", "0.00").to_pylist()


def test_table_for_people(lakehouse: Lakehouse) -> None:
    ran = lakehouse("sql", "select customer_id, total_spend from gold.dim_customers order by 1")
    assert ran.out.splitlines() == [
        "customer_id  total_spend",
        "-----------  -----------",
        "c1                 12.30",
        "c2                  0.00",
    ]


def test_query_from_standard_input(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"select 'it''s' as x")))
    assert lakehouse("sql", "--format", "json", "-").out == '[{"x":"it\'s"}]\n'


def test_describe_and_statements_that_only_read(lakehouse: Lakehouse) -> None:
    assert "total_spend" in lakehouse("sql", "describe gold.dim_customers").out
    assert lakehouse("sql", "with t as (select 1 as x) select * from t, gold.dim_customers, range(2)").code == 0
    assert lakehouse("sql", "values (1), (2)").code == 0


def test_describe_gives_columns_and_types(lakehouse: Lakehouse) -> None:
    described = json.loads(lakehouse("sql", "--format", "json", "describe gold.dim_customers").out)
    assert {row["column_name"]: row["column_type"] for row in described}["total_spend"] == "DECIMAL(18,2)"


def test_show_tables_lists_what_there_is(lakehouse: Lakehouse) -> None:
    everything = [{"layer": "gold", "table": "dim_customers"}, {"layer": "ops", "table": "runs"}]
    for query, expected in {
        "show tables": everything,
        "SHOW ALL TABLES;": everything,
        "show tables from gold": everything[:1],
        "show tables from silver": [],
    }.items():
        assert json.loads(lakehouse("sql", "--format", "json", query).out) == expected
    for query in ("show databases", "show tables from nowhere", "select * from (show tables)", "describe"):
        ran = lakehouse("sql", query)
        assert (ran.code, ran.out) == (1, "") and "SHOW TABLES" in ran.err


def test_a_plan_is_drawn_and_nothing_but_a_select_is_explained(lakehouse: Lakehouse) -> None:
    drawn = lakehouse("sql", "explain select max(total_spend) from gold.dim_customers")
    assert drawn.code == 0 and "┌──" in drawn.out.splitlines()[0]
    for query in ("explain analyze select 1", "explain insert into gold.dim_customers values (1)"):
        assert "only a plain SELECT can be explained" in lakehouse("sql", query).err


def test_unknown_table_lists_the_known_ones(lakehouse: Lakehouse) -> None:
    for query in ("select * from gold.dim_customer", "select * from dim_customers"):
        ran = lakehouse("sql", "--format", "json", query)
        assert (ran.code, ran.out) == (1, "")
        assert "there is no table" in ran.err and "gold.dim_customers" in ran.err and "ops.runs" in ran.err


def test_unknown_column_says_which_there_are(lakehouse: Lakehouse) -> None:
    ran = lakehouse("sql", "select total_spent from gold.dim_customers")
    assert ran.code == 1 and "total_spend" in ran.err and "Traceback" not in ran.err


def test_an_output_in_a_folder_that_does_not_exist_is_wrong_usage(lakehouse: Lakehouse, tmp_path: Path) -> None:
    target = tmp_path / "no" / "such" / "rows.csv"
    ran = lakehouse("sql", "--format", "csv", "--output", str(target), "select * from gold.dim_customers")
    assert (ran.code, ran.out) == (2, "")
    assert f"--output {target}: the folder {target.parent} does not exist. Create it" in ran.err


def test_error_half_way_leaves_nothing_on_standard_output(lakehouse: Lakehouse, tmp_path: Path) -> None:
    query = "select case when range = 99999 then error('late') else 1 end as x from range(100000)"
    ran = lakehouse("sql", "--format", "json", query)
    assert (ran.code, ran.out) == (1, "")
    assert lakehouse("sql", "--format", "csv", "--output", str(tmp_path / "late.csv"), query).code == 1
    assert not list(tmp_path.glob("*late*"))


ESCAPES = [
    "create table gold.x as select 1",
    "insert into gold.dim_customers select * from gold.dim_customers",
    "delete from gold.dim_customers",
    "drop view gold.dim_customers",
    "copy gold.dim_customers to '{folder}/out.csv'",
    "copy (select 1) to '{lake}/gold/out.csv'",
    "export database '{folder}/out'",
    "attach '{folder}/out.db'",
    "install httpfs",
    "load '{folder}/evil.duckdb_extension'",
    "set enable_external_access = true",
    "reset lock_configuration",
    "pragma database_list",
    "call pragma_version()",
    "select 1; drop view gold.dim_customers",
    "begin",
    "explain analyze select 1",
    "explain select * from read_csv('{folder}/secret.csv')",
    "explain copy gold.dim_customers to '{folder}/out.csv'",
    "select * from read_csv('{folder}/secret.csv')",
    "select * from read_text('{folder}/secret.csv')",
    "select * from '{folder}/secret.csv'",
    'select * from "{folder}/secret.csv"',
    "select * from glob('{folder}/*')",
    "select * from delta_scan('{folder}/other_delta')",
    "select * from delta_scan('s3://bucket/table')",
    "select * from read_parquet('https://example.com/x.parquet')",
    "select * from query('select 1')",
    "select * from query_table('gold.dim_customers')",
    "select * from gold.dim_customers where customer_id in (select content from read_text('{folder}/secret.csv'))",
    "with x as (select * from read_csv('{folder}/secret.csv')) select * from x",
    "select (select max(password) from delta_scan('{folder}/other_delta'))",
    "select * from json_execute_serialized_sql('{{}}')",
    "select * from duckdb_settings()",
    "select * from duckdb_settings",
    "from sqlite_master",
    "from pragma_database_list",
    "select count(*) from duckdb_tables",
    "describe duckdb_views",
    "select * from gold.dim_customers where customer_id in (select name from duckdb_settings)",
    "select (with x as (select 1) select 1 from x), * from x",
    "select * from information_schema.tables",
    "select * from other.gold.dim_customers",
    "select * from gold.dim_customers at (version => 0)",
    "select getenv('HOME')",
    "",
    "not sql at all",
]


@pytest.mark.parametrize("query", ESCAPES)
def test_only_reading_the_lake_is_possible(lakehouse: Lakehouse, tmp_path: Path, query: str) -> None:
    before = sorted(path for path in tmp_path.rglob("*") if "tmp" not in path.parts[-2:])
    ran = lakehouse("sql", "--format", "json", query.format(folder=tmp_path, lake=lakehouse.lake))
    assert (ran.code, ran.out) == (1, ""), ran.out
    assert "hunter2" not in ran.err and "Traceback" not in ran.err
    assert sorted(path for path in tmp_path.rglob("*") if path in before) == before and not list(tmp_path.rglob("out*"))


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_csv('{folder}/secret.csv')",
        "select * from read_text('{folder}/secret.csv')",
        "copy gold.dim_customers to '{folder}/out.csv'",
        "attach '{folder}/out.db'",
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
    ],
)
def test_locked_down_even_if_the_parse_lets_it_through(
    lakehouse: Lakehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr("lakehouse.storage.sql.tables_in_query", lambda *_: [TableRef.parse("gold.dim_customers")])
    with (
        pytest.raises(QueryError),
        run_query(query.format(folder=tmp_path), str(lakehouse.lake), tmp_path / "scratch", 60) as result,
    ):
        list(result.rows())
    assert not list(tmp_path.glob("out*"))


def test_the_connection_that_parses_is_locked_down(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = duckdb_views.connect()
    monkeypatch.setattr("lakehouse.storage.sql.connect", kept.cursor)
    tables_in_query("select 1", "")
    seen = "select current_setting('enable_external_access'), current_setting('lock_configuration')"
    assert kept.execute(seen).fetchone() == (False, True)
    with pytest.raises(duckdb.PermissionException):
        kept.execute("select * from read_text('/etc/hostname')")


@pytest.mark.parametrize(
    "query",
    [
        "with x as (select 1) select * from X",
        "with a as (select 1), b as (from a) from b",
        "with recursive t(n) as (select 1 union all select n + 1 from t where n < 3) select * from t",
        "with x as (select 1) select * from (with z as (from x) from z)",
    ],
)
def test_names_without_a_layer_are_those_of_with_queries(query: str) -> None:
    assert tables_in_query(query, "") == []


def test_only_mentioned_tables_are_opened() -> None:
    query = (
        "with a as (from gold.x) select (select max(id) from silver.b), * from a join ops.runs r on true"
        " where exists (from bronze.crm_contacts)"
    )
    assert [str(table) for table in tables_in_query(query, "")] == [
        "bronze.crm_contacts",
        "gold.x",
        "ops.runs",
        "silver.b",
    ]


@pytest.mark.slow
def test_slow_query_prints_no_progress_bar(lakehouse: Lakehouse) -> None:
    """DuckDB would draw one on standard output after two seconds."""
    code = "import sys; from lakehouse.cli import main; sys.exit(main(['sql', '--format', 'json', sys.argv[1]]))"
    query = "select count(*) as n from range(3000000000) where hash(range) = 1"
    environment = environment_with(LAKEHOUSE_QUERY_TIMEOUT_SECONDS="3")
    done = subprocess.run(
        [sys.executable, "-c", code, query],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "") and "LAKEHOUSE_QUERY_TIMEOUT_SECONDS" in done.stderr


def test_slow_query_is_cancelled(lakehouse: Lakehouse, tmp_path: Path) -> None:
    with (
        pytest.raises(QueryError, match="LAKEHOUSE_QUERY_TIMEOUT_SECONDS"),
        run_query("from range(100000000000)", str(lakehouse.lake), tmp_path, 0.2) as result,
    ):
        sum(1 for _ in result.rows())


def test_a_query_sees_one_version_while_a_writer_commits(lakehouse: Lakehouse, tmp_path: Path) -> None:
    """Each version has equal spends; a query that mixed two of them, within a table or between two mentions, would see
    a difference."""
    location, stop = str(lakehouse.lake / "gold/dim_customers"), threading.Event()

    def write() -> None:
        for n in range(1, 1000):
            if stop.is_set():
                return
            write_deltalake(location, customers(*[f"{n}.00"] * 50), mode="overwrite")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        counted = (
            "count(distinct a.total_spend), count(distinct b.total_spend), max(a.total_spend) - min(b.total_spend)"
        )
        query = f"select {counted} from gold.dim_customers a, gold.dim_customers b"
        while DeltaTable(location).version() < 1:
            pass
        for _ in range(8):
            with run_query(query, str(lakehouse.lake), tmp_path / "scratch", 60) as result:
                assert list(result.rows()) == [(1, 1, Decimal("0.00"))]
    finally:
        stop.set()
        writer.join()
    assert DeltaTable(location).version() > 5
