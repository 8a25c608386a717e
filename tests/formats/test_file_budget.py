"""A file that is small and becomes large is set aside before it costs much, whatever its format packs it with.

Bombs are made here and are bounded: what they stand for is some hundred megabytes, and none of it is held.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from lakehouse.config.source_limits import FileLimits
from lakehouse.config.source_models import CsvOptions
from lakehouse.errors import UnreadableFileError
from lakehouse.formats.csv import read_csv
from lakehouse.formats.file_facts import FileFacts
from lakehouse.formats.json_lines import read_json_lines
from lakehouse.formats.parquet import read_parquet

MB = 1 << 20
BEYOND_RATIO = re.compile(
    r"it unpacks to [123]\d\d MB or more, over 100 times its size; if it is meant to, raise `limits\.unpacked_ratio`"
    r" of the dataset in sources\.yml"
)


def _read(path: Path, kind: str, limits: dict[str, Any], **options: Any) -> Iterator[pa.RecordBatch]:
    budget, packed = FileLimits.model_validate(limits), options.pop("compression", None)
    if kind == "csv":
        return read_csv(path, "some.csv", CsvOptions.model_validate(options), (), packed, FileFacts(), budget)
    if kind == "jsonl":
        return read_json_lines(path, "some.jsonl", (), (), packed, FileFacts(), budget)
    return read_parquet(path, "some.parquet", (), budget)


def _reason(path: Path, kind: str, limits: dict[str, Any] | None = None, **options: Any) -> tuple[str, int]:
    """Why a file is set aside, and how many rows were read before."""
    count_rows = 0

    def read() -> None:
        nonlocal count_rows
        for rows in _read(path, kind, limits or {}, **options):
            count_rows += rows.num_rows

    with pytest.raises(UnreadableFileError) as caught:
        read()
    return caught.value.reason, count_rows


def _packed(compression: str, head: bytes, part: bytes, times: int) -> bytes:
    if compression == "gzip":
        return gzip.compress(head) + gzip.compress(part) * times  # members follow each other
    return zstandard.compress(head + part * times, 1)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("part", [b"\n" * MB, b" " * (MB - 1) + b"\n"], ids=["blank lines", "lines of blanks"])
def test_lines_without_anything_count(tmp_path: Path, kind: str, compression: str, part: bytes) -> None:
    path = tmp_path / "bomb"
    head = b"id\n1\n" if kind == "csv" else b'{"id": 1}\n'
    path.write_bytes(_packed(compression, head, part, 110))
    reason, count_rows = _reason(path, kind, compression=compression)
    assert BEYOND_RATIO.fullmatch(reason)
    assert count_rows <= 101  # lines of blanks are rows of a CSV file


def test_a_large_file_is_large_also_when_it_is_not_packed(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_bytes(b"id\n" + b"1234567\n" * 200_000)
    reason, _ = _reason(path, "csv", {"unpacked_gb": 0.001})
    assert reason.startswith("it unpacks to more than 0.001 GB; if it is meant to, raise `limits.unpacked_gb`")
    assert sum(rows.num_rows for rows in _read(path, "csv", {})) == 200_000


def test_a_small_file_may_be_packed_as_well_as_it_likes(tmp_path: Path) -> None:
    path = tmp_path / "same.csv.gz"
    path.write_bytes(gzip.compress(b"id,name\n" + b"1,the same\n" * 500_000))
    assert sum(rows.num_rows for rows in _read(path, "csv", {}, compression="gzip")) == 500_000


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("csv", b"id,name\n1," + b"x" * (2 * MB), "a record is longer than 1 MB (`limits.record_mb` of the dataset)"),
        ("csv", b'id,name\n1,"' + b"\n" * (2 * MB) + b'"\n', "a record is longer than 1 MB"),
        ("csv", b"id,name\n1," + b'"' * (2 * MB), "line 2 has more than a million quotes in a row"),
        ("jsonl", b'{"id": 1}\n{"id": "' + b"x" * (2 * MB) + b'"}\n', "line 2 is longer than 1 MB"),
        ("jsonl", b'{"id": 1}\n' + b" " * (2 * MB) + b"\n", "line 2 is longer than 1 MB"),
        ("jsonl", b'[{"id": 1}, {"id": "' + b"x" * (2 * MB) + b'"}]', "record 2 of the array is longer than 1 MB"),
        ("jsonl", b'[{"id": "' + b"x" * (6 * MB), "(truncated?), or is longer than 1 MB"),
    ],
    ids=["csv", "csv in quotes", "csv of quotes", "line", "blank line", "array", "endless in an array"],
)
def test_a_record_may_be_so_long(tmp_path: Path, kind: str, content: bytes, reason: str) -> None:
    path = tmp_path / "long"
    path.write_bytes(content)
    assert reason in _reason(path, kind, {"record_mb": 1})[0]


@pytest.mark.parametrize(
    ("kind", "content", "options", "reason"),
    [
        ("jsonl", b"\n" * (10 * MB), {}, "what is blank before the first record is longer than 4 MB"),
        ("csv", b"id\n1\n2\n" + b"\n" * (10 * MB), {"skip_footer": 1}, "1 lines in a row (`skip_footer`) are longer"),
        ("csv", b"id\n" + b"x" * (10 * MB), {"skip_footer": 2}, "2 lines in a row (`skip_footer`) are longer than 4"),
    ],
    ids=["blanks before a record", "blanks after a footer", "footer without a line end"],
)
def test_nothing_is_gathered_without_end(
    tmp_path: Path, kind: str, content: bytes, options: dict[str, Any], reason: str
) -> None:
    path = tmp_path / "endless"
    path.write_bytes(content)
    assert reason in _reason(path, kind, **options)[0]


def test_columns_are_counted_before_rows_are_read(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(5_000)]
    files = {
        "csv": (",".join(names) + "\n" + "," * 4_999 + "\n").encode(),
        "jsonl": b"".join(json.dumps({name: 1}).encode() + b"\n" for name in names),
    }
    pq.write_table(pa.table({name: ["x"] for name in names}), tmp_path / "parquet")
    for kind, content in files.items():
        (tmp_path / kind).write_bytes(content)
    for kind, found in {"csv": 5_000, "jsonl": 1_001, "parquet": 5_000}.items():
        reason, count_rows = _reason(tmp_path / kind, kind)
        assert reason.startswith(f"it has {found} columns, 1000 are allowed; if it is meant to, raise `limits.columns`")
        assert count_rows == 0
    assert sum(rows.num_rows for rows in _read(tmp_path / "jsonl", "jsonl", {"columns": 5_000})) == 5_000


@pytest.mark.parametrize(
    "record",
    [
        '{"id": ' + "[" * 500 + "]" * 500 + "}",
        '{"id": ' + "[" * 5_000 + '"' + '\\"' * MB,
        "{" + ", ".join(f'"k{number}": 1' for number in range(200_000)) + ', "k1": 2}',
    ],
    ids=["levels that can be parsed", "levels that cannot", "many keys, one twice"],
)
@pytest.mark.parametrize("is_array", [False, True])
def test_a_record_takes_no_more_time_than_its_length(tmp_path: Path, record: str, is_array: bool) -> None:
    path = tmp_path / "slow.jsonl"
    path.write_text(f"[{record}]" if is_array else record)
    reason, _ = _reason(path, "jsonl")
    assert "more levels of [ and { than can be read" in reason or "columns, 1000 are allowed" in reason


def _parquet_of_a_dictionary(path: Path) -> None:
    """One text of a megabyte, 300 times by reference."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 300, pa.int32()), pa.array(["x" * MB]))
    pq.write_table(pa.table({"id": text}), path, compression="zstd")


def _parquet_of_prefixes(path: Path) -> None:
    """One text of half a megabyte, 400 times as the one before."""
    text = pa.array(["x" * (MB // 2)] * 400)
    options = {"use_dictionary": False, "column_encoding": {"id": "DELTA_BYTE_ARRAY"}}
    pq.write_table(pa.table({"id": text}), path, compression="zstd", write_statistics=False, **options)


def _parquet_of_nulls(path: Path) -> None:
    pq.write_table(pa.table({f"c{number}": pa.nulls(2_000_000, pa.string()) for number in range(60)}), path)


def _parquet_of_one_page(path: Path) -> None:
    pq.write_table(pa.table({"id": ["x" * (110 * MB)]}), path, compression="zstd", use_dictionary=False)


@pytest.mark.parametrize(
    "write", [_parquet_of_a_dictionary, _parquet_of_prefixes, _parquet_of_nulls, _parquet_of_one_page]
)
def test_parquet_that_repeats_by_reference(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "bomb.parquet"
    write(path)
    assert path.stat().st_size < MB
    before = pa.total_allocated_bytes()
    reason, _ = _reason(path, "parquet")
    assert BEYOND_RATIO.fullmatch(reason)
    assert pa.total_allocated_bytes() - before < 130 * MB


def test_parquet_with_dictionaries_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "some.parquet"
    shared = pa.array(["a", None, "b", "a"] * 50_000)
    rows = pa.table(
        {"shared": shared, "alone": [str(number) for number in range(200_000)], "bytes": [b"\xff"] * 200_000}
    )
    pq.write_table(rows, path, row_group_size=70_000)
    found = pa.Table.from_batches(list(_read(path, "parquet", {})))
    assert found["shared"].to_pylist() == shared.to_pylist()
    assert found["alone"].to_pylist() == rows["alone"].to_pylist()
    assert set(found["bytes"].to_pylist()) == {"ff"}
