"""What an expression of a mapping reads and yields, from its syntax."""

from __future__ import annotations

import pytest

from lakehouse.config.column_mapping import ColumnMapping
from lakehouse.config.expressions import check_expression, columns_of, yields_instant


@pytest.mark.parametrize(
    "expression",
    [
        "row_number() over (partition by a order by b)",
        "coalesce(a, max(a) over (partition by b))",
        "max(a)",
        "first(a)",
        "rank()",
        "collect_list(a)[0]",
        "(select max(x) from y)",
        "a in (select x from y)",
        "exists(select 1)",
        "explode(split(a, ','))",
        "stack(2, a, b)",
        "a; drop table b",
        "(select max(value) from text.`/etc/passwd`)",
        "a in (select content from delta.`/lake/gold/dim_customers`)",
        "(from text.`/etc/passwd` select value)",
        "values (1)",
    ],
)
def test_a_mapping_reads_one_row(expression: str) -> None:
    with pytest.raises(ValueError, match="a mapping reads one row"):
        check_expression(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "case a when 'x' then 1 else greatest(b, c) end",
        "array_max(transform(split(a, ','), x -> cast(x as int)))",
        "aggregate(split(a, ','), 0, (total, x) -> total + cast(x as int))",
        "concat(_source_file, ':', _row_number)",
        "array_size(split(a, ','))",
        "regexp_count(a, 'x')",
        "date_add(try_cast(`end` as date), 1)",
        "case when a in ('x') and (b like 'a%' or not (c is null)) then (1) else (2) end",
        "from_utc_timestamp(timestamp_seconds(a), 'Europe/Berlin')",
        "timestamp_millis(cast(at as bigint)) + interval 1 hour",
        "cast(try_cast(a as decimal(10, 2)) as string)",
        "trim(leading '0' from a)",
        "from_json(a, 'struct<x:string>').x",
        "get_json_object(a, '$.first')",
        "split(a, '/')[0]",
        r"regexp_extract(a, '(\\d+)', 1)",
        "a || '-- no comment' || '/* none */' || 'it\\'s; (select 1)'",
        "a::int is not distinct from b",
        "Upper(`trim`(a))",
        "current_date",
    ],
)
def test_functions_of_one_row_are_allowed(expression: str) -> None:
    check_expression(expression)


@pytest.mark.parametrize(
    "call",
    [
        "reflect('java.lang.System', 'getenv', 'HOME')",
        "`reflect`('java.lang.System', 'getenv', 'HOME')",
        "JAVA_METHOD('java.lang.Runtime', 'getRuntime')",
        "try_reflect('a', 'b')",
        "upper(java_method('a', 'b'))",
        "read_csv('/etc/passwd')",
        "read_files('/etc')",
        "input_file_name()",
        "current_catalog()",
        "spark_catalog.default.upper(a)",
        "a_function_of_theirs(a)",
        "from_xml(a, 'x string')",
        "xpath_string(a, 'x')",
        "monotonically_increasing_id()",
        "try_sum(a)",
        "any(a)",
        "rand()",
        "uuid()",
        "repeat('x', 1000000000)",
        "sequence(1, 1000000000)",
    ],
)
def test_only_listed_functions_are_called(call: str) -> None:
    with pytest.raises(ValueError, match="none of the functions of a mapping"):
        check_expression(call)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("a -- b", "a comment"),
        ("a /* b */ || c", "a comment"),
        ("/*+ broadcast(a) */ a", "a comment"),
        ("concat(a, '${env:AWS_SECRET_ACCESS_KEY}')", "replaces by a setting"),
        (":name", "no value of one row"),
        ("?", "no value of one row"),
        ("@@x", "no value of one row"),
        ("table other", "no value of one row"),
        ("current_user", "no value of one row"),
        ("current_user()", "no value of one row"),
        ("a as b", "no value of one row"),
        ("set a = 1", "no value of one row"),
        ("explain select 1", "no value of one row"),
        ("a from text.`/etc/passwd`", "not SQL"),
        ("a) from text.`/etc/passwd` where (true", "not SQL"),
        ("a, b", "not SQL"),
        ("map(select 1)", "not SQL"),
        ("identifier('reflect')('a')", "not SQL"),
    ],
)
def test_an_expression_is_one_value_and_all_of_it_is_seen(expression: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_expression(expression)


def test_what_is_refused_never_becomes_sql() -> None:
    mapped = ColumnMapping(expression="(select max(value) from text.`/etc/passwd`)")
    with pytest.raises(ValueError, match="a query"):
        _ = mapped.sql


def test_lineage_may_be_read_and_is_not_asked_of_the_header() -> None:
    assert columns_of("concat(_source_file, a)") == ("_source_file", "a")
    assert ColumnMapping(expression="concat(_source_file, `_ROW_NUMBER`, a)").columns == ("a",)
    assert ColumnMapping(column="_row_number").columns == ("_row_number_",)


@pytest.mark.parametrize(
    ("expression", "is_instant"),
    [
        ("timestamp_seconds(cast(at as bigint))", True),
        ("timestamp_millis(cast(at as bigint)) + interval 1 hour", True),
        ("cast(timestamp_seconds(cast(at as bigint)) as string)", True),
        ("from_unixtime(cast(at as bigint))", True),
        ("cast(cast(at as bigint) as timestamp)", True),
        ("cast(at / 1000 as timestamp)", True),
        ("to_utc_timestamp(to_timestamp(at, 'M/d/yyyy'), 'America/New_York')", True),
        ("to_timestamp(at, 'M/d/yyyy HH:mm XXX')", True),
        ("try_to_timestamp(at, 'M/d/yyyy HH:mm z')", True),
        ("case when at is null then null else coalesce(timestamp_seconds(a), current_timestamp()) end", True),
        ("if(a > '1', timestamp_seconds(a), timestamp_millis(b))", True),
        ("coalesce(timestamp_seconds(a), '1970-01-01T00:00:00Z')", True),
        ("to_timestamp(at, 'M/d/yyyy h:mm a')", False),
        ("to_timestamp(at)", False),
        ("try_cast(at as timestamp)", False),
        ("at", False),
        ("concat(at, ' 00:00')", False),
        ("from_utc_timestamp(timestamp_seconds(a), 'Europe/Berlin')", False),
        ("timestamp_seconds(unix_timestamp(at, 'M/d/yyyy'))", False),
        ("case when now() > at then at else '2024-01-01' end", False),
    ],
)
def test_moments_and_local_times(expression: str, is_instant: bool) -> None:
    assert yields_instant(expression) is is_instant


def test_moments_mixed_with_local_times() -> None:
    with pytest.raises(ValueError, match="yields now a moment and now a local time"):
        yields_instant("coalesce(timestamp_seconds(try_cast(a as bigint)), at)")
