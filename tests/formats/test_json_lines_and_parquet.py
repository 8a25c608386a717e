"""JSON lines and Parquet as strings."""

from __future__ import annotations

import gzip
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.errors import UnreadableFileError
from lakehouse.formats import byte_streams, json_lines
from lakehouse.formats.file_facts import FileFacts
from lakehouse.formats.json_lines import read_json_lines
from lakehouse.formats.parquet import read_parquet
from lakehouse.formats.values import rows_of, text_of
from tests.sources.conftest import parquet_bytes


def _json_rows(
    tmp_path: Path,
    content: bytes,
    expected: tuple[str, ...] = (),
    required: tuple[str, ...] = (),
    compression: str | None = None,
    facts: FileFacts | None = None,
) -> list[dict[str, str | None]]:
    path = tmp_path / "delivered"
    path.write_bytes(content)
    return [
        row
        for batch in read_json_lines(path, "some.jsonl", expected, required, compression, facts or FileFacts())
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
        (b"[1]\n", "record 1 of the array is JSON, but not an object"),
        (b'{"a": 1} {"a": 2}\n', "line 1 is not JSON: more follows the value at character 9"),
        (b'{"a": 1}\n{"a": "NaN", "b": NaN}\n', "line 2 is not JSON: NaN at character 19 is no JSON value"),
        (b'{"a": -Infinity}\n', "line 1 is not JSON: -Infinity at character 7"),
        (b'[{"a": 1}, {"a": 2}', "truncated: the JSON array ends after 2 records"),
        (b'[{"a": 1}, {"a": "2', "record 2 of the array is not JSON"),
        (b'[{"a": 1} {"a": 2}]', "no comma follows record 1"),
        (b'[{"a": 1}]\n[{"a": 2}]', "something follows the end of the JSON array"),
        (b'{"a": "\xff"}\n', "wrong encoding: line 1 is not utf-8"),
        (b'{"b": 1}\n{"b": 2}\n', "missing columns: a"),
        (b'{"a": 1, "A": 2}\n', "line 1: two columns are called 'A'"),
        (b'{"As": 1}\n', "missing columns: a"),
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


@pytest.mark.parametrize("chunk", [1, 3, 20, 1 << 20])
def test_an_array_of_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(byte_streams, "CHUNK_BYTES", chunk)
    content = ' [\n {"id": "1", "n": 1.10},\n {\n  "id": "ä]"\n }\n]\n'.encode()
    assert _json_rows(tmp_path, content, ("id",)) == [{"id": "1", "n": "1.10"}, {"id": "ä]", "n": None}]
    assert _json_rows(tmp_path, b"[ ]") == []


def test_keys_match_without_case_also_in_later_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "_BATCH_ROWS", 2)
    content = b'{"ID": 1, "Note": "a"}\n{"id": 2, "EMAIL": "x"}\n{"Id": 3, "NOTE": "b"}\n'
    assert _json_rows(tmp_path, content, ("id", "email"), ("id",)) == [
        {"id": "1", "Note": "a", "email": None},
        {"id": "2", "Note": None, "email": "x"},
        {"id": "3", "Note": "b", "email": None},
    ]


def test_repeated_keys_and_half_characters_are_noted_with_their_line(tmp_path: Path) -> None:
    facts = FileFacts()
    content = b'{"a": "1", "a": "2"}\n{"a": "\\ud83d\\ude00"}\n{"a": "x\\ud83d", "b": ["\\udc00"]}\n'
    assert _json_rows(tmp_path, content, facts=facts) == [
        {"a": "2", "b": None},
        {"a": "\U0001f600", "b": None},
        {"a": "x\ufffd", "b": '["\ufffd"]'},
    ]
    assert facts.notes == [
        "a key is there twice, and the last one counts: a (line 1)",
        "half a character (a surrogate) was replaced by U+FFFD in a (line 3)",
        "half a character (a surrogate) was replaced by U+FFFD in b (line 3)",
    ]


def test_numbers_of_parquet_have_no_exponent(tmp_path: Path) -> None:
    path = tmp_path / "delivered"
    table = pa.table(
        {
            "Discount": pa.array(
                [Decimal("0.000000000000000000"), Decimal("1.500000000000000000")], pa.decimal128(38, 18)
            ),
            "f": pa.array([4.9151211e20, 0.00001]),
            "wide": pa.array([Decimal("1E-30"), None], pa.decimal256(60, 30)),
            "took": pa.array([timedelta(seconds=90), None], pa.duration("s")),
        }
    )
    path.write_bytes(parquet_bytes(table))
    (batch,) = read_parquet(path, "some.parquet", ("discount",))
    assert batch.to_pylist() == [
        {
            "discount": "0.000000000000000000",
            "f": "491512110000000000000",
            "wide": "0." + "0" * 29 + "1",
            "took": "0:01:30",
        },
        {"discount": "1.500000000000000000", "f": "0.00001", "wide": None, "took": None},
    ]


def test_timestamps_of_96_bits_keep_their_year(tmp_path: Path) -> None:
    path = tmp_path / "delivered"
    moments = [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59), None, datetime(2024, 3, 1, 9, 15)]
    pq.write_table(pa.table({"at": pa.array(moments, pa.timestamp("us"))}), path, use_deprecated_int96_timestamps=True)
    (batch,) = read_parquet(path, "some.parquet", ("at",))
    assert batch.column(0).to_pylist() == [
        "0001-01-01T00:00:00.000000", "9999-12-31T23:59:59.000000", None, "2024-03-01T09:15:00.000000",
    ]  # fmt: skip


def test_extension_types_are_read_as_text(tmp_path: Path) -> None:
    path = tmp_path / "delivered"
    number = uuid.UUID("12345678-1234-5678-1234-567812345678")
    table = pa.table(
        {
            "id": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([number.bytes, None], pa.binary(16))),
            "extra": pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":1}', None])),
        }
    )
    path.write_bytes(parquet_bytes(table))
    (batch,) = read_parquet(path, "some.parquet", ("id",))
    assert batch.to_pylist() == [{"id": str(number), "extra": '{"a":1}'}, {"id": None, "extra": None}]


def test_records_take_the_spelling_of_the_mapping() -> None:
    rows = rows_of([{"EMAIL": "x", "n": 1e16}], ("email", "id"))
    assert rows.to_pylist() == [{"email": "x", "n": "10000000000000000", "id": None}]
