"""JSON objects of a file, one after the other with their place: one a line, or the elements of one array."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from io import BufferedReader
from itertools import chain
from typing import Any

from lakehouse.errors import UnreadableFileError
from lakehouse.formats.byte_streams import ChunkReader
from lakehouse.formats.file_facts import FileFacts
from lakehouse.formats.values import LONE_SURROGATE, NumberText

_RECORD_BYTES = 16 << 20
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")  # how half of a pair would be written; whole pairs are, too
_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)')
_BLANKS = " \t\r\n"
Record = dict[str, Any]


def json_records(chunks: Iterator[bytes], name: str, facts: FileFacts) -> Iterator[tuple[str, Record]]:
    """(place, object) of each record; blank lines are skipped.

    Args:
        chunks: of the file, in UTF-8.
        name: of the file, for errors.
        facts: takes note of repeated keys, and of halves of characters (each becomes U+FFFD).

    Raises UnreadableFileError for the first thing that is no JSON object, with its place.
    """
    first = next(chunks, b"")
    if not first:
        raise UnreadableFileError(name, "the file is empty")
    while not first.strip() and (more := next(chunks, b"")):
        first += more
    parser = _Parser(name, facts)
    content = chain([first], chunks)
    yield from parser.array(content) if first.lstrip()[:1] == b"[" else parser.lines(content)


class _Parser:
    def __init__(self, name: str, facts: FileFacts) -> None:
        self._name, self._facts = name, facts
        self._repeated: list[str] = []
        self._decoder = json.JSONDecoder(
            parse_float=NumberText, parse_int=NumberText, parse_constant=_refuse, object_pairs_hook=self._object
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> Record:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            self._repeated += [key for key in found if keys.count(key) > 1]
        return found

    def lines(self, chunks: Iterator[bytes]) -> Iterator[tuple[str, Record]]:
        with BufferedReader(ChunkReader(chunks), 1 << 20) as lines:
            number = 0
            while line := lines.readline(_RECORD_BYTES):
                number += 1
                if line.strip():
                    place = f"line {number}"
                    try:
                        text = line.decode().strip(_BLANKS)
                    except UnicodeDecodeError as error:
                        raise UnreadableFileError(self._name, f"wrong encoding: {place} is not utf-8") from error
                    record, end = self._parse(text, 0, place)
                    if end < len(text):
                        raise UnreadableFileError(
                            self._name, f"{place} is not JSON: more follows the value at character {end + 1}"
                        )
                    yield place, record

    def array(self, chunks: Iterator[bytes]) -> Iterator[tuple[str, Record]]:
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
                except UnreadableFileError:
                    more = next(texts, "") if len(text) - at < _RECORD_BYTES else ""
                    if not more:
                        raise
                    text, at = text[at:] + more, 0
                    continue
                yield place, record
                at, number, needs_comma = end, number + 1, True

    def _texts(self, chunks: Iterator[bytes]) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            for chunk in chunks:
                if text := decoder.decode(chunk):
                    yield text
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise UnreadableFileError(self._name, "wrong encoding: it is not utf-8") from error

    def _parse(self, text: str, at: int, place: str) -> tuple[Record, int]:
        """The object at a position, and where it ends."""
        self._repeated.clear()
        try:
            found, end = self._decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            problem = f"{error.msg} at character {error.pos - at + 1}"
            raise UnreadableFileError(self._name, f"{place} is not JSON: {problem} (truncated?)") from error
        except (ValueError, RecursionError) as error:
            raise UnreadableFileError(self._name, f"{place} is not JSON{_constant_in(text[at:])}") from error
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
