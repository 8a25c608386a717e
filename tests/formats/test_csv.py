"""CSV as strings, and every reason why a file is set aside, with its line and without its content."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
import zstandard

from lakehouse.config.source_limits import FileLimits
from lakehouse.config.source_models import CsvOptions
from lakehouse.errors import UnreadableFileError
from lakehouse.formats import csv_quotes
from lakehouse.formats.byte_streams import without_footer
from lakehouse.formats.csv import read_csv
from lakehouse.formats.csv_escapes import unescaped
from lakehouse.formats.file_facts import FileFacts


def _rows(
    tmp_path: Path, content: bytes, compression: str | None = None, expected: tuple[str, ...] = (), **options: Any
) -> list[dict[str, str | None]]:
    path = tmp_path / "delivered"
    path.write_bytes(content)
    facts = options.pop("facts", FileFacts())
    limits = FileLimits.model_validate(options.pop("limits", {}))
    batches = read_csv(path, "some.csv", CsvOptions.model_validate(options), expected, compression, facts, limits)
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
        lambda data: gzip.compress(data) + bytes(512),
    ],
)
def test_compressed(tmp_path: Path, compress: Any) -> None:
    content = compress(b"a,b\n1,2\n3,4\n")
    assert len(_rows(tmp_path, content, "zstd" if content[:2] == b"\x28\xb5" else "gzip")) == 2


def test_records_across_blocks(tmp_path: Path) -> None:
    content = "a,b\n" + "".join(f'{number},"x\n{number}"\n' for number in range(2000))
    rows = _rows(tmp_path, content.encode(), limits={"record_mb": 0.001})
    assert [row["b"] for row in rows] == [f"x\n{number}" for number in range(2000)]


_LONG = b"a,b\n" + b"1,22222222\n" * 100_000


@pytest.mark.parametrize(
    ("content", "compression", "options", "reason"),
    [
        (b"", None, {}, "the file is empty, it has not even a header"),
        (b"a,b\n1,2\n3\n", None, {}, "line 3 has 1 fields instead of 2"),
        (b"a,b\n1,2\n3,4,5\n6,7\n", None, {}, "line 3 has 3 fields instead of 2"),
        (_LONG + b"9", None, {}, "line 100002 has 1 fields instead of 2"),
        (b'a,b\n1,2\n3,"4\n5,6\n', None, {}, "ends within quotes, which were opened in line 3"),
        (b'a,b\n1,2\n3,"4', None, {}, "truncated: the file ends within quotes"),
        (b"a,b\n1,M\xfcller\n", None, {}, "wrong encoding: it is not utf-8"),
        ("a,b\n1,2\n".encode("utf-16"), None, {}, "wrong encoding: it is utf-16 and not utf-8"),
        (b"a;b\n1;2\n", None, {}, "wrong header: none of the mapped columns is there"),
        (b"b,c\n1,2\n", None, {}, "missing columns: a"),
        (b"a,b,A\n1,2,3\n", None, {}, "two columns are called 'A'"),
        (b'a,b\n1,"' + b"x" * (13 << 20) + b'"\n', None, {}, "a record is longer than 4 MB"),
        (gzip.compress(_LONG, mtime=0)[:-100], "gzip", {}, "it cannot be read to its end"),
        (gzip.compress(_LONG, mtime=0)[:-3], "gzip", {}, "it cannot be read to its end"),
        (b"a,b\n1,2\n", "gzip", {}, "it is not gzip, or damaged"),
        (zstandard.ZstdCompressor().compress(_LONG)[:-3], "zstd", {}, "it cannot be read to its end"),
        (b"a,b\n1,2\n", "zstd", {}, "it cannot be read"),
    ],
    ids=[
        *("empty", "too few fields", "too many fields", "cut in the last line"),
        *("cut within quotes", "cut within quotes at the end", "wrong encoding", "utf-16", "wrong delimiter"),
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


STRAY = b'who,what,note\n1,yes,"my dog ate it\n2,no,x\n3,no,y\n4,yes,"again\n5,yes,z\n'


@pytest.mark.parametrize(
    ("content", "line", "opened"),
    [
        (STRAY, 5, "opened in line 2"),
        (b'a,b\n"1"x,2\n', 2, "RFC 4180"),
        (b'a,b\n""1,2\n', 2, "RFC 4180"),
        (b'a,b\n1,5" pipe\n"2","6\\" pipe"\n', 3, "declare `csv: {escape"),
        (b'a,b\n"1" ,2\n', 2, "RFC 4180"),
        (b"a,b\n" + b'1,"x ""y"" z"\n' * 1000 + b'"2"3,4\n', 1002, "RFC 4180"),
    ],
)
def test_text_after_a_closing_quote_is_told_with_its_line(
    tmp_path: Path, content: bytes, line: int, opened: str
) -> None:
    for size in (7, 64, 1 << 20):  # wherever a chunk ends
        with pytest.raises(UnreadableFileError) as caught:
            _check_quotes(content, size)
        assert f"line {line} has text after a closing quote" in caught.value.reason
        assert opened in caught.value.reason
    with pytest.raises(UnreadableFileError, match=f"line {line} has text after"):
        _rows(tmp_path, content)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_quotes_that_rfc_4180_allows_pass(size: int) -> None:
    content = b'"a","b ""c"""\r\n"","""",5" pipe,"x\ny"\nhe said "hi","",z\n""\n"last"'
    _check_quotes(content, size)


def _check_quotes(content: bytes, size: int) -> None:
    check = csv_quotes.QuoteCheck("some.csv", '"', ",", None)
    for start in range(0, len(content), size):
        check.feed(content[start : start + size])
    check.finish()


def test_lines_are_counted_from_the_start_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="line 4 has text after a closing quote"):
        _rows(tmp_path, b'Report\n\na,b\n"1"x,2\n', skip_rows=2)
    with pytest.raises(UnreadableFileError, match="line 4 has 1 fields instead of 2"):
        _rows(tmp_path, b"Report\na,b\n1,2\n3\n", skip_rows=1)


def test_escapes_as_mysql_writes_them(tmp_path: Path) -> None:
    content = rb"""id,name,brand
"1","24\" TV \"Pro\"","Acme"
"2","back\\slash","\N"
3,one\, two,\N
4,line\nend,a\tb
5,"ends with \\","\\N"
"""
    assert _rows(tmp_path, content, escape="\\", null_values=["\\N"]) == [
        {"id": "1", "name": '24" TV "Pro"', "brand": "Acme"},
        {"id": "2", "name": "back\\slash", "brand": None},
        {"id": "3", "name": "one, two", "brand": None},
        {"id": "4", "name": "line\nend", "brand": "a\tb"},
        {"id": "5", "name": "ends with \\", "brand": None},
    ]


def test_an_escape_that_two_chunks_share() -> None:
    chunks = [b"a\\", b'"b\\\\', b'"c\\', b"N"]
    assert b"".join(unescaped(iter(chunks), "\\", ["\\N"])) == b'a\\"b\\\\"c\\\\N'


def test_texts_that_stand_for_no_value(tmp_path: Path) -> None:
    rows = _rows(tmp_path, b'a,b\nNULL,"NULL"\nnull,NULLO\n', null_values=["NULL"])
    assert rows == [{"a": None, "b": None}, {"a": "null", "b": "NULLO"}]


def test_lines_that_are_no_rows(tmp_path: Path) -> None:
    content = b'Products of 2024\r\n\r\nid;name\r\n1;A\r\n2;B\r\nTotal: 2\r\nprinted "today\r\n\r\n\r\n'
    options = {"delimiter": ";", "skip_rows": 2, "skip_footer": 2}
    assert _rows(tmp_path, content, **options) == [{"id": "1", "name": "A"}, {"id": "2", "name": "B"}]
    assert _rows(tmp_path, b"Title\rid\r1\r", skip_rows=1) == [{"id": "1"}]
    with pytest.raises(UnreadableFileError, match="no line after the 10 lines to skip"):
        _rows(tmp_path, content, skip_rows=10)


@pytest.mark.parametrize("size", [1, 2, 5, 7, 100])
def test_a_footer_wherever_a_chunk_ends(size: int) -> None:
    content = b"a\n1\n22\n\nsum\r\n\r\nend\n\n"
    chunks = iter([content[start : start + size] for start in range(0, len(content), size)])
    assert b"".join(without_footer(chunks, 2, 1 << 20)).rstrip() == b"a\n1\n22"


@pytest.mark.parametrize("first", [b"sep=;\r\n", b"\xef\xbb\xbfSEP=;\n"])
def test_the_line_of_excel_says_the_delimiter(tmp_path: Path, first: bytes) -> None:
    assert _rows(tmp_path, first + b"id;name\n1;A,B\n") == [{"id": "1", "name": "A,B"}]
    assert _rows(tmp_path, first + b"id;name\n1;A,B\n", skip_rows=1) == [{"id": "1", "name": "A,B"}]


def test_a_header_that_is_repeated_is_no_row(tmp_path: Path) -> None:
    facts = FileFacts()
    rows = _rows(tmp_path, b"id,name\n1,id\nid,name\n2,B\n", facts=facts)
    assert rows == [{"id": "1", "name": "id"}, {"id": "2", "name": "B"}]
    assert facts.notes == ["a row repeats the header and was left out (row 2)"]
    assert len(_rows(tmp_path, "id,name\n1,A\n\ufeffid,name\n2,B\n".encode())) == 2
    with pytest.raises(UnreadableFileError, match="row 2 is a header with the columns in another order"):
        _rows(tmp_path, b"id,name\n1,A\nname,id\nB,2\n")


def test_bytes_of_utf_16_are_no_quotes_and_no_line_ends(tmp_path: Path) -> None:
    facts = FileFacts()
    content = 'id,name\r\n1,Loop \u221e\r\n2,"two\nlines \u0a22\u0d0a"\r\n'.encode("utf-16")
    assert [row["name"] for row in _rows(tmp_path, content, encoding="utf-16", facts=facts)] == [
        "Loop \u221e",
        "two\nlines \u0a22\u0d0a",
    ]
    assert facts.ends_its_last_line
    with pytest.raises(UnreadableFileError, match="it is not utf-16"):
        _rows(tmp_path, content[:-1], encoding="utf-16")
    _rows(tmp_path, "id\n\u0a00".encode("utf-16"), encoding="utf-16", facts=facts)
    assert facts.ends_its_last_line is False


def test_names_match_without_case_and_near_ones_are_told(tmp_path: Path) -> None:
    assert _rows(tmp_path, b"ID,eMail\n1,x\n", expected=("id", "Email")) == [{"id": "1", "Email": "x"}]
    with pytest.raises(UnreadableFileError, match=r"missing columns: email \(did you mean 'E-mail'\?\)"):
        _rows(tmp_path, b"id,E-mail\n1,x\n", expected=("id", "email"))
