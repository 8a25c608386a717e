"""CSV as strings, and every reason why a file is set aside, with its line and without its content."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
import zstandard

from lakehouse.config.source_models import CsvOptions
from lakehouse.errors import UnreadableFileError
from lakehouse.formats import csv as csv_files
from lakehouse.formats.csv import read_csv


def _rows(
    tmp_path: Path, content: bytes, compression: str | None = None, expected: tuple[str, ...] = (), **options: Any
) -> list[dict[str, str | None]]:
    path = tmp_path / "delivered"
    path.write_bytes(content)
    batches = list(read_csv(path, "some.csv", CsvOptions.model_validate(options), expected, compression))
    return [row for batch in batches for row in batch.to_pylist()]


def test_everything_stays_the_text_it_was_and_empty_is_null(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbfid,amount,note\n007,1.10,"a, ""b""\nc"\n8,NA,\n9,,""\n'
    assert _rows(tmp_path, content) == [
        {"id": "007", "amount": "1.10", "note": 'a, "b"\nc'},
        {"id": "8", "amount": "NA", "note": None},
        {"id": "9", "amount": None, "note": None},
    ]


def test_delimiter_quote_encoding_and_no_header(tmp_path: Path) -> None:
    content = "1;'Müller; Hans'\r\n2;'it''s'\r\n".encode("cp1252")
    rows = _rows(tmp_path, content, delimiter=";", quote="'", encoding="cp1252", header=False, columns=["id", "name"])
    assert rows == [{"id": "1", "name": "Müller; Hans"}, {"id": "2", "name": "it's"}]


def test_utf_16(tmp_path: Path) -> None:
    assert _rows(tmp_path, "id,name\n1,Jürgen\n".encode("utf-16"), encoding="utf-16") == [{"id": "1", "name": "Jürgen"}]


def test_no_quotes_means_quotes_are_text(tmp_path: Path) -> None:
    assert _rows(tmp_path, b'a\tb\n1\t5" pipe\n', delimiter="\t", quote=None) == [{"a": "1", "b": '5" pipe'}]


def test_a_stray_quote_is_text(tmp_path: Path) -> None:
    assert _rows(tmp_path, b'a,b\n1,5" pipe\n2,x\n') == [{"a": "1", "b": '5" pipe'}, {"a": "2", "b": "x"}]


def test_names_are_made_fit_and_a_header_alone_is_a_file_without_rows(tmp_path: Path) -> None:
    assert list(_rows(tmp_path, b"First Name,_row_number,\n1,2,3\n")[0]) == ["First_Name", "_row_number_", "column_3"]
    assert _rows(tmp_path, b"a,b\n") == []


@pytest.mark.parametrize(
    "compress",
    [
        gzip.compress,
        zstandard.ZstdCompressor().compress,
        lambda data: gzip.compress(data[:8]) + gzip.compress(data[8:]),
    ],
)
def test_compressed(tmp_path: Path, compress: Any) -> None:
    content = compress(b"a,b\n1,2\n3,4\n")
    assert len(_rows(tmp_path, content, "zstd" if content[:2] == b"\x28\xb5" else "gzip")) == 2


def test_records_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "_BLOCK_BYTES", 1000)
    content = "a,b\n" + "".join(f'{number},"x\n{number}"\n' for number in range(2000))
    assert [row["b"] for row in _rows(tmp_path, content.encode())] == [f"x\n{number}" for number in range(2000)]


_LONG = b"a,b\n" + b"1,22222222\n" * 100_000


@pytest.mark.parametrize(
    ("content", "compression", "options", "reason"),
    [
        (b"", None, {}, "the file is empty, it has not even a header"),
        (b"a,b\n1,2\n3\n", None, {}, "line 3 has 1 fields instead of 2"),
        (b"a,b\n1,2\n3,4,5\n6,7\n", None, {}, "line 3 has 3 fields instead of 2"),
        (_LONG + b"9", None, {}, "line 100002 has 1 fields instead of 2"),
        (b"a,b\n1,2\n3,4", None, {"final_newline": "required"}, "truncated: the last line has no end"),
        (b'a,b\n1,2\n3,"4\n5,6\n', None, {}, "truncated: the file ends within quotes"),
        (b'a,b\n1,2\n3,"4', None, {}, "truncated: the file ends within quotes"),
        (b"a,b\n1,M\xfcller\n", None, {}, "wrong encoding: it is not utf-8"),
        (b"a;b\n1;2\n", None, {}, "wrong header: none of the mapped columns is there"),
        (b"b,c\n1,2\n", None, {}, "missing columns: a"),
        (b"a,b,A\n1,2,3\n", None, {}, "two columns are called 'A'"),
        (b'a,b\n1,"' + b"x" * (13 << 20) + b"\n", None, {}, "a record is longer than 4 MB"),
        (gzip.compress(_LONG, mtime=0)[:-100], "gzip", {}, "it cannot be read to its end"),
        (gzip.compress(_LONG, mtime=0)[:-3], "gzip", {}, "it cannot be read to its end"),
        (b"a,b\n1,2\n", "gzip", {}, "incorrect header"),
        (zstandard.ZstdCompressor().compress(_LONG)[:-3], "zstd", {}, "it cannot be read to its end"),
        (b"a,b\n1,2\n", "zstd", {}, "it cannot be read"),
    ],
    ids=[
        *("empty", "too few fields", "too many fields", "cut in the last line", "no final newline"),
        *("cut within quotes", "cut within quotes at the end", "wrong encoding", "wrong delimiter"),
        *("missing column", "same column twice", "endless record", "gzip cut", "gzip cut in its trailer"),
        *("not gzip", "zstd cut", "not zstd"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, content: bytes, compression: str | None, options: dict[str, Any], reason: str
) -> None:
    expected = ("a", "b") if reason.startswith("wrong header: none") else ("a",)
    with pytest.raises(UnreadableFileError) as caught:
        _rows(tmp_path, content, compression, expected, **options)
    assert reason in caught.value.reason


def test_a_reason_holds_nothing_of_the_content(tmp_path: Path) -> None:
    for content in (b"a,b\n1,2\nann@example.com\n", b"a,b\nann@example.com,\xff\n", b"ann@example.com,7\n"):
        with pytest.raises(UnreadableFileError) as caught:
            _rows(tmp_path, content, None, ("a", "b"))
        assert "ann" not in str(caught.value)
