"""Values and names as SQL, for the engines and for DuckDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import duckdb
import pytest

from lakehouse.utils.sql_text import double, identifier, literal, standard_literal, timestamp


def test_quotes_and_backslashes_are_escaped_for_the_engines() -> None:
    assert literal("it's \\ ok") == r"'it\'s \\ ok'"
    assert literal(None) == "null"


@pytest.mark.parametrize("text", ["plain", "it's", "back\\slash", "''", ""])
def test_standard_literal_is_the_text_again(text: str) -> None:
    assert duckdb.sql(f"select {standard_literal(text)}").fetchone() == (text,)


def test_names_may_hold_anything() -> None:
    assert identifier("net amount") == "`net amount`"
    assert identifier("a`b") == "`a``b`"


def test_numbers_and_moments_have_a_type_also_when_they_are_null() -> None:
    assert (double(0.5), double(None)) == ("cast(0.5 as double)", "cast(null as double)")
    assert timestamp(datetime(2018, 1, 2, tzinfo=UTC)) == "timestamp'2018-01-02 00:00:00'"
    assert timestamp(datetime(2018, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == "timestamp'2018-01-01 22:00:00'"
