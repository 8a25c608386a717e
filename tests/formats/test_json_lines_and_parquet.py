"""JSON lines and Parquet as strings."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from lakehouse.errors import UnreadableFileError
from lakehouse.formats import json_lines
from lakehouse.formats.json_lines import read_json_lines
from lakehouse.formats.parquet import read_parquet
from lakehouse.formats.values import text_of
from tests.sources.conftest import parquet_bytes


def _json_rows(
    tmp_path: Path,
    content: bytes,
    expected: tuple[str, ...] = (),
    required: tuple[str, ...] = (),
    compression: str | None = None,
) -> list[dict[str, str | None]]:
    path = tmp_path / "delivered"
    path.write_bytes(content)
    return [
        row
        for batch in read_json_lines(path, "some.jsonl", expected, required, compression)
        for row in batch.to_pylist()
    ]


def test_json_values_keep_their_text_and_nested_ones_stay_json(tmp_path: Path) -> None:
    content = (
        b'\xef\xbb\xbf{"id": 12345678901234567890123, "amount": 1.10, "is_new": true, "note": null,'
        b' "tags": ["a", 1.50, {"k": "\xc3\xa4"}]}\r\n'
        b'\n{"id": "x", "late": {}}'
    )
    assert _json_rows(tmp_path, content, ("id", "phone")) == [
        {
            "id": "12345678901234567890123",
            "amount": "1.10",
            "is_new": "true",
            "note": None,
            "tags": '["a",1.50,{"k":"ä"}]',
            "late": None,
            "phone": None,
        },
        {"id": "x", "amount": None, "is_new": None, "note": None, "tags": None, "late": "{}", "phone": None},
    ]


def test_keys_that_come_in_a_later_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "_BATCH_ROWS", 2)
    rows = _json_rows(tmp_path, gzip.compress(b'{"a": 1}\n{"a": 2}\n{"b": 3}\n'), compression="gzip")
    assert rows == [{"a": "1"}, {"a": "2"}, {"b": "3"}]  # one schema of all: see StagedRows


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b'{"a": 1}\n{"a": 2', "line 2 is not JSON"),
        (b'{"a": 1}\n[1]\n', "line 2 is JSON, but not an object"),
        (b'{"a": NaN}\n', "line 1 is not JSON"),
        (b'{"a": "\xff"}\n', "wrong encoding: line 1 is not utf-8"),
        (b'{"b": 1}\n{"b": 2}\n', "missing columns: a"),
        (b'{"a": 1, "A": 2}\n', "two columns are called 'A'"),
    ],
)
def test_json_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        _json_rows(tmp_path, content, ("a", "b"), ("a",))
    assert reason in caught.value.reason


def test_parquet_values_become_text(tmp_path: Path) -> None:
    path = tmp_path / "delivered"
    berlin = datetime(2017, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    table = pa.table(
        {
            "id": pa.array([1, None]),
            "price": pa.array([Decimal("1.10"), None]),
            "at": pa.array([datetime(2017, 1, 1, 8, 30), None], pa.timestamp("us")),
            "zoned": pa.array([berlin, None], pa.timestamp("us", "Europe/Berlin")),
            "day": pa.array([date(2017, 1, 1), None]),
            "is_new": pa.array([True, None]),
            "brand": pa.array(["x", None]).dictionary_encode(),
            "tags": pa.array([["a", "b"], None]),
        }
    )
    path.write_bytes(parquet_bytes(table))
    (batch,) = read_parquet(path, "some.parquet", ("id",))
    assert batch.to_pylist() == [
        {
            "id": "1",
            "price": "1.10",
            "at": "2017-01-01T08:30:00.000000",
            "zoned": "2017-07-01T10:00:00.000000Z",
            "day": "2017-01-01",
            "is_new": "true",
            "brand": "x",
            "tags": '["a","b"]',
        },
        dict.fromkeys(table.column_names),
    ]


def test_parquet_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "delivered"
    whole = parquet_bytes(pa.table({"id": [1]}))
    for content, expected, reason in (
        (whole[:-5], (), "not a whole Parquet file"),
        (b"", (), "not a whole"),
        (whole, ("id", "sku"), "missing columns: sku"),
    ):
        path.write_bytes(content)
        with pytest.raises(UnreadableFileError, match=reason):
            list(read_parquet(path, "some.parquet", expected))


def test_values_of_databases_as_text() -> None:
    values = [
        None,
        "x",
        True,
        1,
        1.5,
        Decimal("1E+2"),
        date(2017, 1, 2),
        datetime(2017, 1, 2, 3),
        datetime(2017, 1, 2, 3, tzinfo=UTC),
        {"a": [Decimal("1.50")]},
        b"ok",
    ]
    assert [text_of(value) for value in values] == [
        None, "x", "true", "1", "1.5", "100", "2017-01-02", "2017-01-02T03:00:00",
        "2017-01-02T03:00:00+00:00", '{"a":["1.50"]}', "ok",
    ]  # fmt: skip
