"""segments.yml: what is valid, and how an error names file, line, problem and what was expected."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lakehouse.activation.segments.catalogue import segment_context, segment_hash, segments
from lakehouse.activation.segments.conditions import condition, text_value
from lakehouse.activation.segments.declared import declared_segments
from lakehouse.activation.segments.profile_columns import profile_columns
from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.diagnostics.config_check import check_campaigns, check_segments
from lakehouse.errors import ConfigurationError

PLAIN = """\
segments:
  buyers:
    description: People who buy.
    where: count_orders >= 3
    detail: top_category_1
"""


def _write(conf: Path, text: str = PLAIN) -> None:
    (conf / "segments.yml").write_text(text, encoding="utf-8")


def _refused(conf: Path, right: str, wrong: str) -> tuple[int | None, str, str]:
    """Line, problem and remedy of the error for a file with a mistake."""
    assert right in PLAIN
    _write(conf, PLAIN.replace(right, wrong))
    with pytest.raises(ConfigurationError) as caught:
        check_segments(conf)
    assert caught.value.file == str(conf / "segments.yml")
    return caught.value.line, caught.value.what, caught.value.remedy


@pytest.mark.parametrize(
    ("wrong", "problem", "expected"),
    [
        ("count_order >= 3", "no column 'count_order'", "did you mean 'count_orders'?"),
        ("kids_count > 1", "compares kids_count, a text, with 1, a number", "a text"),
        ("last_order_at > '2018-01-01'", "compares last_order_at, a time", "timestamp '2018-01-31'"),
        ("last_order_at > timestamp '2018-02-30'", "'2018-02-30' is no time", "timestamp '2018-01-31 09:00:00'"),
        ("count_orders", "is a number", "a condition, e.g. count_orders >= 3"),
        ("count_orders = null", "never true", "is null"),
        ("count_orders / 2 > 1", "divides", "a product"),
        ("cast(count_orders as string) = '3'", "calls cast", "functions.py"),
        ("rand() > 0.5", "calls rand", "functions.py"),
        ("reflect('java.lang.System', 'exit') = '1'", "calls reflect", "functions.py"),
        ("count_orders > (select 1)", "has a query", "a dbt model"),
        ("count_orders = max(count_orders)", "has an aggregate", "a dbt model"),
        ("row_number() over (order by email) < 10", "has a window function", "a dbt model"),
        ("silver.contacts.email = 'a'", "names a table", "the name of a column alone"),
        ("last_order_at > now()", "asks for now", "as_of"),
        ("last_order_at > current_date", "asks for current_date", "as_of"),
        ("recency_days < 30", "by the mere passing of time", "`time_dependent: true`"),
        ("left(first_name, -1) = 'a'", "counts signs", "whole numbers from 1"),
        ("first_name = '{{ env_var(1) }}'", "takes for a template", "without them"),
        ("first_name = 'a' 'b'", "made of two", "a quote"),
        (r"first_name like 'a\\\\_'", "backslash", "without it"),
        ("count_orders >= 3 or 'x'", "'x' is a text", "true or false"),
        ("count_orders >= 3; select 1", "has a query", "a dbt model"),
        ("count_orders >=", "is not SQL", "a condition over columns"),
        ("count_orders >= 3 /* always */", "has a comment", "YAML"),
        ("true", "where is true", "in quotes"),
    ],
)
def test_a_wrong_condition_is_named_with_its_line(tmp_path: Path, wrong: str, problem: str, expected: str) -> None:
    line, what, remedy = _refused(tmp_path, "count_orders >= 3", wrong)
    assert line == (2 if "passing of time" in problem else 4)
    assert problem in what
    assert expected in remedy


@pytest.mark.parametrize(
    ("right", "wrong", "line", "problem"),
    [
        ("buyers", "regulars", 2, "segment 'regulars' is a dbt model already"),
        ("buyers", "Buyers!", 2, "is not a name of a segment"),
        ("top_category_1", "email", 5, "no place for personal data"),
        ("top_category_1", "count_orders", 5, "is a number"),
        ("description: People who buy.\n    ", "", 2, "key 'description' is missing"),
        ("where", "were", 2, "unknown key 'were'"),
        ("detail: top_category_1", "time_dependent: true", 2, "reads nothing that changes"),
    ],
)
def test_what_else_is_wrong_is_named(tmp_path: Path, right: str, wrong: str, line: int, problem: str) -> None:
    found, what, _ = _refused(tmp_path, right, wrong)
    assert problem in what
    assert found == line


def test_without_the_file_there_are_the_dbt_models(tmp_path: Path) -> None:
    assert declared_segments(tmp_path) == {}
    assert "regulars" in segments(tmp_path)
    assert check_segments(tmp_path) == len(segments(tmp_path))


def test_a_segment_knows_where_it_is_declared(tmp_path: Path) -> None:
    _write(tmp_path, "# people\n" + PLAIN)
    found = segments(tmp_path)["buyers"]
    assert (found.file, found.line, found.where) == (tmp_path / "segments.yml", 3, "count_orders >= 3")


def test_the_hash_follows_condition_and_detail_alone(tmp_path: Path) -> None:
    _write(tmp_path)
    first = segment_hash("buyers", folder=tmp_path)
    _write(tmp_path, PLAIN.replace("People who buy.", "Buyers."))
    assert segment_hash("buyers", folder=tmp_path) == first
    hashes = {first}
    for right, wrong in (("count_orders >= 3", "count_orders >= 4"), ("top_category_1", "top_category_2")):
        _write(tmp_path, PLAIN.replace(right, wrong))
        hashes.add(segment_hash("buyers", folder=tmp_path))
    assert len(hashes) == 3
    assert segment_hash("nobody", folder=tmp_path) == ""


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("segment_regulars.sql", "segment 'regulars' is a dbt model already"),
        ("regular_guests.sql", "not named after a segment"),
        ("segment_Guests.sql", "not named after a segment"),
    ],
)
def test_names_of_own_models_are_checked(tmp_path: Path, file: str, problem: str) -> None:
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / file).write_text("select 1")
    with pytest.raises(ConfigurationError, match=problem) as caught:
        check_segments(tmp_path)
    assert caught.value.file == str(tmp_path / "segments" / file)


def test_an_own_model_and_a_condition_have_different_names(tmp_path: Path) -> None:
    _write(tmp_path)
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "segment_buyers.sql").write_text("select 1")
    with pytest.raises(ConfigurationError, match="segment 'buyers' is a dbt model already"):
        check_segments(tmp_path)


def test_a_campaign_may_name_any_segment(tmp_path: Path) -> None:
    for name in ("campaigns.yml", "sources.yml"):
        shutil.copyfile(PROJECT_ROOT / "conf" / name, tmp_path / name)
    text = (tmp_path / "campaigns.yml").read_text()
    (tmp_path / "campaigns.yml").write_text(text.replace("segment: loyal_champions", "segment: buyers"))
    with pytest.raises(ConfigurationError, match="there is no segment 'buyers'"):
        check_campaigns(tmp_path)
    _write(tmp_path)
    assert check_campaigns(tmp_path) >= 3


def test_what_is_not_decided_by_kinds_passes() -> None:
    columns = profile_columns()
    assert condition("is_mailable and not (language <=> country)", columns).columns == (
        "is_mailable",
        "language",
        "country",
    )
    assert condition("top_category_1_share >= 0.2D", columns).spark == "top_category_1_share >= CAST(0.2 AS DOUBLE)"
    assert condition("first_name = 'O\\'Hara'", columns).duckdb == "first_name = 'O''Hara'"
    assert text_value("coalesce(top_category_1, 'none')", columns).columns == ("top_category_1",)


def test_the_shipped_file_is_valid_and_says_where_it_stands() -> None:
    folder = PROJECT_ROOT / "conf"
    assert len(declared_segments(folder, segment_context(folder))) >= 2
