"""JSON objects of a file, one after the other with their place: one a line, or the elements of one array."""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any

from lakehouse.errors import UnreadableFileError
from lakehouse.formats.byte_streams import CHUNK_BYTES
from lakehouse.formats.file_budget import FileBudget
from lakehouse.formats.file_facts import FileFacts
from lakehouse.formats.values import LONE_SURROGATE, NumberText

_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")  # how half of a pair would be written; whole pairs are, too
_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)')
_BLANKS = " \t\r\n"
Record = dict[str, Any]


def json_records(
    chunks: Iterator[bytes], name: str, facts: FileFacts, budget: FileBudget
) -> Iterator[tuple[str, int, Record]]:
    """(place, length, object) of each record; blank lines are skipped.

    Args:
        chunks: of the file, in UTF-8.
        name: of the file, for errors.
        facts: takes note of repeated keys, and of halves of characters (each becomes U+FFFD).
        budget: says how long a record may be.

    Raises UnreadableFileError for the first thing that is no JSON object, with its place.
    """
    first = next(chunks, b"")
    if not first:
        raise UnreadableFileError(name, "the file is empty")
    while not first.strip() and (more := next(chunks, b"")):
        first += more
        if len(first) > budget.record_bytes + CHUNK_BYTES:
            raise UnreadableFileError(name, f"what is blank before the first record {budget.record_too_long}")
    parser = _Parser(name, facts, budget)
    content = chain([first], chunks)
    yield from parser.array(content) if first.lstrip()[:1] == b"[" else parser.lines(content)


class _Parser:
    def __init__(self, name: str, facts: FileFacts, budget: FileBudget) -> None:
        self._name, self._facts, self._budget = name, facts, budget
        self._repeated: list[str] = []
        self._decoder = json.JSONDecoder(
            parse_float=NumberText, parse_int=NumberText, parse_constant=_refuse, object_pairs_hook=self._object
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> Record:
        found = dict(pairs)
        if len(found) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            self._repeated += [key for key, count in counts.items() if count > 1]
        return found

    def lines(self, chunks: Iterator[bytes]) -> Iterator[tuple[str, int, Record]]:
        for number, line in self._filled_lines(chunks):
            place = f"line {number}"
            try:
                text = line.decode().strip(_BLANKS)
            except UnicodeDecodeError:
                raise UnreadableFileError(self._name, f"wrong encoding: {place} is not utf-8") from None
            record, end = self._parse(text, 0, place)
            if end < len(text):
                raise UnreadableFileError(
                    self._name, f"{place} is not JSON: more follows the value at character {end + 1}"
                )
            yield place, len(line), record

    def _filled_lines(self, chunks: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
        """Lines with anything but blanks, with their numbers."""
        number, held = 0, b""
        for chunk in chain(chunks, [b"\n"]):
            data = held + chunk if held else chunk
            filled = data.lstrip(b"\n")  # a million empty lines take no time
            number += len(data) - len(filled)
            *whole, held = filled.split(b"\n")
            for line in whole:
                number += 1
                self._check_length(line, number)
                if line.strip():
                    yield number, line
            self._check_length(held, number + 1)

    def _check_length(self, line: bytes, number: int) -> None:
        if len(line) > self._budget.record_bytes:
            raise UnreadableFileError(self._name, f"line {number} {self._budget.record_too_long}")

    def array(self, chunks: Iterator[bytes]) -> Iterator[tuple[str, int, Record]]:
        texts = self._texts(chunks)
        text, at, number, needs_comma = next(texts).lstrip(_BLANKS)[1:], 0, 0, False
        while True:
            at = _skip_blanks(text, at)
            found = text[at : at + 1]
            if found == "]":
                if text[at + 1 :].strip() or any(more.strip() for more in texts):
                    raise UnreadableFileError(self._name, "something follows the end of the JSON array")
                return
            if not found:
                text, at = next(texts, ""), 0
                if not text:
                    raise UnreadableFileError(self._name, f"truncated: the JSON array ends after {number} records")
            elif needs_comma:
                if found != ",":
                    raise UnreadableFileError(self._name, f"no comma follows record {number} of the JSON array")
                at, needs_comma = at + 1, False
            else:
                place = f"record {number + 1} of the array"
                try:
                    record, end = self._parse(text, at, place)
                except UnreadableFileError as error:
                    if len(text) - at > self._budget.record_bytes:
                        reason = f"{error.reason}, or {self._budget.record_too_long}"
                        raise UnreadableFileError(self._name, reason) from None
                    more = next(texts, "")
                    if not more:
                        raise
                    text, at = text[at:] + more, 0
                    continue
                if end - at > self._budget.record_bytes:
                    raise UnreadableFileError(self._name, f"{place} {self._budget.record_too_long}")
                yield place, end - at, record
                at, number, needs_comma = end, number + 1, True

    def _texts(self, chunks: Iterator[bytes]) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            for chunk in chunks:
                if text := decoder.decode(chunk):
                    yield text
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise UnreadableFileError(self._name, "wrong encoding: it is not utf-8") from None

    def _parse(self, text: str, at: int, place: str) -> tuple[Record, int]:
        """The object at a position, and where it ends."""
        self._repeated.clear()
        try:
            found, end = self._decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            problem = f"{error.msg} at character {error.pos - at + 1}"
            raise UnreadableFileError(self._name, f"{place} is not JSON: {problem} (truncated?)") from None
        except RecursionError:
            raise UnreadableFileError(self._name, f"{place} has more levels of [ and {{ than can be read") from None
        except ValueError:
            raise UnreadableFileError(self._name, f"{place} is not JSON{_constant_in(text[at:])}") from None
        if not isinstance(found, dict):
            raise UnreadableFileError(self._name, f"{place} is JSON, but not an object")
        for key in dict.fromkeys(self._repeated):
            self._facts.note(f"a key is there twice, and the last one counts: {key}", place)
        if _HALF_CHARACTER.search(text, at, end):
            found = self._whole_characters(found, place)
        return found, end

    def _whole_characters(self, record: Record, place: str) -> Record:
        replaced: Record = {}
        for key, value in record.items():
            replaced[_whole(key)] = _whole(value)
            if replaced[_whole(key)] != value:
                self._facts.note(f"half a character (a surrogate) was replaced by U+FFFD in {_whole(key)}", place)
        return replaced


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _constant_in(text: str) -> str:
    """Where a text has the word that JSON does not know."""
    found = next((found for found in _CONSTANT.finditer(text) if found[1]), None)
    return f": {found[1]} at character {found.start() + 1} is no JSON value, deliver null" if found else ""


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _whole(value: Any) -> Any:
    """A value in whose texts the halves of characters are replaced."""
    if isinstance(value, NumberText):
        return value
    if isinstance(value, str):
        return LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    return value
