"""What listmonk reads from the file of an import: rows that it takes, and a line in its log for each that it skips."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

_COLUMNS = ("email", "name", "attributes")
_LONGEST_EMAIL = 1000
_ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[^@\s<>,;:\"()\[\]\\]+")


@dataclass(frozen=True)
class Row:
    """A subscriber of the file; `error` is what the database will say of it, "" for nothing."""

    email: str
    facts: dict[str, Any]  # name and attribs
    error: str = ""


@dataclass
class ImportFile:
    """What was read. `total` counts line breaks, as listmonk does: a file whose last line has none counts one less."""

    total: int = 0
    rows: list[Row] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    is_broken: bool = False


class NoCsvError(Exception):
    """A ZIP file without a CSV file, or none at all."""


def is_address(email: str) -> bool:
    """Whether listmonk takes an address."""
    return len(email) <= _LONGEST_EMAIL and _ADDRESS.fullmatch(email) is not None


def unpack(filename: str, content: bytes) -> bytes:
    """The CSV file: what does not end in .csv is a ZIP, of which the first CSV file counts. Raises NoCsvError."""
    if filename.lower().endswith(".csv"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for entry in packed.infolist():
                if entry.filename.lower().endswith(".csv"):
                    return packed.read(entry)
    except zipfile.BadZipFile:
        raise NoCsvError("zip: not a valid zip file") from None
    raise NoCsvError("no CSV files found in the ZIP")


def read_import(content: bytes, delimiter: str, skip: Callable[[int, str], str | None]) -> ImportFile:
    """Read a CSV file as listmonk does.

    Args:
        content: UTF-8; the first line has the names of the columns, in any order; unknown ones are ignored.
        delimiter: one character.
        skip: says for a row, by position from 0 and address, why it is left out: a reason for the log, "" for none, or
            None when it is not.
    """
    read = ImportFile(total=max(0, content.count(b"\n") - 1), is_broken=b"\n" not in content)
    if read.is_broken:
        return read
    reader = csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
        columns = _columns(header, read.log)
        if "email" not in columns:
            read.log.append("'email' column not found in 'import.csv'")
            read.is_broken = True
            return read
        read.rows.extend(_rows(reader, len(header), columns, read.log, skip))
    except csv.Error as error:
        read.log.append(f"error reading CSV '{error}'")
        read.is_broken = True
    return read


def _columns(header: list[str], log: list[str]) -> dict[str, int]:
    columns = {}
    for position, text in enumerate(header):
        name = text.strip().encode("ascii", "ignore").decode()
        if name in _COLUMNS:
            columns[name] = position
        else:
            log.append(f"ignoring unknown header '{name}'")
    return columns


def _rows(
    lines: Iterator[list[str]],
    width: int,
    columns: dict[str, int],
    log: list[str],
    skip: Callable[[int, str], str | None],
) -> Iterator[Row]:
    for number, cells in enumerate((line for line in lines if line), start=1):
        if len(cells) != width:
            log.append(f"skipping line {number}. record on line {number + 1}: wrong number of fields")
            continue
        given = {name: cells[position] for name, position in columns.items()}
        email = given["email"].strip().lower()
        if not is_address(email):
            log.append(f"skipping line {number}: {given['email']}: Invalid email")
            continue
        reason = skip(number - 1, email)
        if reason is None:
            attribs = _attribs(given.get("attributes", ""), number, email, log)
            yield Row(email, {"name": _name(given.get("name", ""), email), "attribs": attribs}, _error(given))
        elif reason:
            log.append(f"skipping line {number}: {email}: {reason}")


def _name(text: str, email: str) -> str:
    """The name, or one that is made of the address."""
    made = " ".join(word.capitalize() for word in email.split("@")[0].replace(".", " ").split())
    return text.strip() or made


def _attribs(text: str, number: int, email: str, log: list[str]) -> dict[str, Any]:
    """The attributes; those that cannot be read are left out, and the row is taken."""
    if not text:
        return {}
    try:
        found = json.loads(text)
        if isinstance(found, dict):
            return found
        problem = "json: cannot unmarshal into Go value of type models.JSON"
    except ValueError as error:
        problem = str(error)
    log.append(f"skipping invalid attributes JSON on line {number} for '{email}': {problem}")
    return {}


def _error(given: dict[str, str]) -> str:
    if "\0" in "".join(given.values()):
        return 'pq: invalid byte sequence for encoding "UTF8": 0x00'
    if "\\u0000" in given.get("attributes", ""):
        return "pq: unsupported Unicode escape sequence"
    return ""
