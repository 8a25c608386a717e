"""Text -> typed values, the same on both engines."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import functions as sf

from lakehouse.config.expressions import with_zone_sql
from lakehouse.contracts import Column
from lakehouse.spark.session import session
from lakehouse.transforms.contract_types import received_sql, typed_sql
from lakehouse.transforms.normalise import normalised_phone
from tests.spark_jobs.conftest import Lake

pytestmark = pytest.mark.both_engines


def typed(texts: list[str | None], column_type: str, timezone: str = "UTC", mapped: str = "`delivered`") -> list[Any]:
    column = Column("x", column_type, "a column")
    rows = session().createDataFrame(list(enumerate(texts)), "position int, delivered string")
    value = typed_sql(column, received_sql(mapped), timezone)
    shown = f"cast({value} as string)" if column_type == "timestamp" else value
    return [row["value"] for row in rows.selectExpr("position", f"{shown} as value").orderBy("position").collect()]


def moment(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def test_strings_are_trimmed_and_blank_ones_null(lake: Lake) -> None:
    assert typed([" a b ", "", "  ", "\t\n", None, "0"], "string") == ["a b", None, None, None, None, "0"]


def test_decimals_are_strict(lake: Lake) -> None:
    good = {
        "12.5": "12.50",
        " 7 ": "7.00",
        "-0.5": "-0.50",
        "+3": "3.00",
        ".5": "0.50",
        "1.005": "1.01",
        "-1.005": "-1.01",
        "1.0049999": "1.00",
        "00005.10": "5.10",
    }
    assert typed(list(good), "decimal(14,2)") == [Decimal(value) for value in good.values()]
    bad = [
        "12,5",
        "1e3",
        "1E3",
        "1.000,00",
        "abc",
        "NaN",
        "Infinity",
        "--5",
        "1_000",
        "0x10",
        "12.5$",
        "1234567890123456",
        "5d",
        "5f",
        "",
    ]
    assert typed(bad, "decimal(14,2)") == [None] * len(bad)


def test_whole_numbers(lake: Lake) -> None:
    assert typed(["1", " 2 ", "-3", "+4", "007"], "int") == [1, 2, -3, 4, 7]
    assert typed(["1.0", "-3.000", "+4.0"], "int") == [1, -3, 4], "whole numbers that were floats on their way"
    bad = ["1.5", "1.01", "1.", ".0", "1.0.0", "one", "1e3", "9999999999", "9999999999.0", ""]
    assert typed(bad, "int") == [None] * len(bad)


def test_times_with_and_without_zone(lake: Lake) -> None:
    good = {
        "2017-07-01 10:00:00": "2017-07-01T10:00:00+02:00",
        "2017-01-01T10:00:00": "2017-01-01T10:00:00+01:00",
        "2017-01-01 10:00": "2017-01-01T10:00:00+01:00",
        "2017-01-01": "2017-01-01T00:00:00+01:00",
        "2017-01-01T10:00:00Z": "2017-01-01T10:00:00+00:00",
        "2017-01-01T10:00:00z": "2017-01-01T10:00:00+00:00",
        "2017-01-01T10:00:00+05:00": "2017-01-01T10:00:00+05:00",
        "2017-01-01T10:00:00-0530": "2017-01-01T10:00:00-05:30",
        "2017-01-01 10:00:00+05": "2017-01-01T10:00:00+05:00",
        "2017-01-01 10:00:00 UTC": "2017-01-01T10:00:00+00:00",
        "2017-03-26 02:30:00": "2017-03-26T01:30:00+00:00",
        "2017-10-29 02:30:00": "2017-10-29T00:30:00+00:00",
    }
    assert typed(list(good), "timestamp", "Europe/Berlin") == [moment(value) for value in good.values()]
    assert typed(["2017-07-01 10:00:00", "2017-07-01T10:00:00+02:00"], "timestamp") == [
        "2017-07-01 10:00:00",
        "2017-07-01 08:00:00",
    ]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_every_form_of_offset_is_applied_once(lake: Lake, zone: str) -> None:
    two = ["GMT+2", "UTC+2", "UT+2", "UTC+02:00", "GMT+02:00"]
    east = [
        *(f"2024-03-01 09:15:00 {form}" for form in (*two, "+2", "+2:00", "+02")),
        *(f"2024-03-01 09:15:00{form}" for form in ("+2", "+2:00", "+02:00:00", "+020000", "+0200", "+02")),
        "2024-03-01T09:15:00.000 GMT+2",
    ]
    assert typed(east, "timestamp", zone) == ["2024-03-01 07:15:00"] * len(east)
    assert typed(["2024-03-01 09:15 GMT-5", "2024-03-01T09+02:00"], "timestamp", zone) == [None, None]
    assert typed(["2024-03-01 09:15:00 EST", "2024-03-01 09:15:00 Europe/Berlin"], "timestamp", zone) == [
        "2024-03-01 14:15:00",
        "2024-03-01 08:15:00",
    ]


@pytest.mark.parametrize(
    ("expression", "moment"),
    [
        ("(timestamp_seconds(cast(delivered as bigint)))", "2024-03-01 08:00:00"),
        ("(timestamp_millis(cast(delivered as bigint) * 1000 + 5))", "2024-03-01 08:00:00.005"),
        ("(from_unixtime(cast(delivered as bigint)))", "2024-03-01 08:00:00"),
        ("(concat(cast(timestamp_seconds(cast(delivered as bigint)) as string), 'Z'))", "2024-03-01 08:00:00"),
        ("(timestamp_seconds(try_cast(nullif(delivered, '1709280000') as bigint)))", None),
    ],
)
def test_a_moment_is_not_shifted_again(lake: Lake, expression: str, moment: str | None) -> None:
    assert typed(["1709280000"], "timestamp", "Europe/Berlin", with_zone_sql(expression)) == [moment]


def test_what_is_no_time(lake: Lake) -> None:
    bad = [
        "2017-02-30",
        "2017-02-30 10:00:00",
        "31/12/2017",
        "01.02.2017",
        "2017",
        "2017-01",
        "2017-1-1",
        "T12:30",
        "12:30:00",
        "now",
        "1483271606",
        "20170101",
        "2017-01-01 24:00:00",
        "soon",
        "",
    ]
    assert typed(bad, "timestamp") == [None] * len(bad)
    assert typed(bad, "timestamp", "Europe/Berlin") == [None] * len(bad)


def test_fractions_of_seconds_are_kept_to_the_microsecond(lake: Lake) -> None:
    assert typed(["2017-01-01T10:00:00.123456Z", "2017-01-01 10:00:00.5"], "timestamp") == [
        "2017-01-01 10:00:00.123456",
        "2017-01-01 10:00:00.5",
    ]


def test_booleans(lake: Lake) -> None:
    assert typed(["true", "T", "Yes", "1", "false", "N", "0", "maybe", ""], "boolean") == [
        True,
        True,
        True,
        True,
        False,
        False,
        False,
        None,
        None,
    ]


def test_type_that_cannot_be_delivered() -> None:
    with pytest.raises(ValueError, match="cannot be delivered"):
        typed_sql(Column("x", "array<string>", "a list"), "`x`", "UTC")


def test_phone_numbers(lake: Lake) -> None:
    numbers = {
        "+49 (30) 123-4567": "+49301234567",
        "0049 30 1234567": "+49301234567",
        "030 / 1234567": "0301234567",
        "12345": None,
        "0000000": None,
        "+1111111111": None,
        "1234567890123456": None,
        "call me": None,
        "4.91512E+11": None,
        "4,91512e+11 ": None,
        None: None,
    }
    rows = session().createDataFrame(list(enumerate(numbers)), "position int, phone string")
    found = rows.select("position", normalised_phone(sf.col("phone")).alias("value")).orderBy("position").collect()
    assert [row["value"] for row in found] == list(numbers.values())
