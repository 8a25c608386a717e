"""Add defects to delivered files, and record each of them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from lakehouse.sample.ground_truth import Defect

Record = dict[str, str | None]


@dataclass(frozen=True)
class Dump:
    """The text of one delivered file: CSV with a header, or JSON lines."""

    path: Path

    @property
    def delimiter(self) -> str:
        """The delimiter of the CSV file."""
        return ";" if self.path.name == "consents.csv" else ","

    @cached_property
    def lines(self) -> list[str]:
        """The records as text, without the header; no field of the sample holds a line break."""
        return self.path.read_text(encoding="utf-8").splitlines()[0 if self.path.suffix == ".jsonl" else 1 :]

    @cached_property
    def columns(self) -> list[str]:
        """Names of the columns, in the order of the file."""
        with self.path.open(encoding="utf-8") as file:
            first = file.readline()
        return list(json.loads(first)) if self.path.suffix == ".jsonl" else first.rstrip("\n").split(self.delimiter)

    def record(self, row_number: int) -> Record:
        """The record with that number, counted from 1; an empty CSV field is null."""
        line = self.lines[row_number - 1]
        if self.path.suffix == ".jsonl":
            return dict(json.loads(line))
        values = next(csv.reader([line], delimiter=self.delimiter))
        return {name: value or None for name, value in zip(self.columns, values, strict=True)}

    def render(self, record: Record) -> str:
        """The record as a line of this dump."""
        if self.path.suffix == ".jsonl":
            return json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        return csv_line([record[name] for name in self.columns], self.delimiter)


def csv_line(values: list[str | None], delimiter: str = ",") -> str:
    """One CSV line without its line end; null is the empty field."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="").writerow(values)
    return text.getvalue()


def describe_changes(changes: Record) -> str:
    """`{"quantity": "-2", "sold_at": None}` -> "quantity is '-2', sold_at is missing"."""
    return ", ".join(
        f"{name} is missing" if value is None else f"{name} is {value!r}" for name, value in changes.items()
    )


@dataclass
class SpoiledDumps:
    """The files of a sample below `folder` while defects are added to them.

    Attributes:
        defects: the defects so far.
        added: new file -> (dataset, number of rows that land, None if the file is set aside).
        repeated: new name of a file that was delivered before -> (dataset, number of rows).
        appended: file -> number of rows appended to it.
    """

    folder: Path
    defects: list[Defect] = field(default_factory=list)
    added: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    repeated: dict[str, tuple[str, int]] = field(default_factory=dict)
    appended: dict[str, int] = field(default_factory=dict)
    _dumps: dict[str, Dump] = field(default_factory=dict)

    def dump(self, file: str) -> Dump:
        """A file as it was before the first defect."""
        if file not in self._dumps:
            self._dumps[file] = Dump(self.folder / file)
        return self._dumps[file]

    def append_line(self, file: str, line: str) -> int:
        """Append a line to a file; returns its row number."""
        clean = len(self.dump(file).lines)
        with (self.folder / file).open("a", encoding="utf-8", newline="") as text:
            text.write(line + "\n")
        self.appended[file] = self.appended.get(file, 0) + 1
        return clean + self.appended[file]

    def plant(
        self,
        kind: str,
        dataset: str,
        file: str,
        record: Record,
        key: tuple[str, ...],
        rules: tuple[str, ...],
        meaning: str,
        net_effect: Decimal | None = None,
    ) -> None:
        """Append a bad record to a file and record the defect; `key` names its identifying columns."""
        row_number = self.append_line(file, self.dump(file).render(record))
        self.note(
            kind, dataset, file, rules, meaning, {name: record[name] or "" for name in key}, row_number, net_effect
        )

    def repeat(
        self, kind: str, dataset: str, file: str, source_file: str, row_number: int, key: tuple[str, ...], meaning: str
    ) -> None:
        """Append a line of `source_file` to `file`, byte for byte, and record the defect."""
        source = self.dump(source_file)
        record = source.record(row_number)
        repeated = self.append_line(file, source.lines[row_number - 1])
        self.note(kind, dataset, file, ("duplicate",), meaning, {name: record[name] or "" for name in key}, repeated)

    def add_file(self, dataset: str, file: str, content: bytes, rows: int | None) -> None:
        """Add a file; `rows` is the number of rows that land, None if the file must be set aside."""
        (self.folder / file).write_bytes(content)
        self.added[file] = (dataset, rows)

    def note(
        self,
        kind: str,
        dataset: str,
        file: str,
        rules: tuple[str, ...],
        meaning: str,
        key: dict[str, str] | None = None,
        row_number: int | None = None,
        net_effect: Decimal | None = None,
    ) -> None:
        """Record a defect."""
        self.defects.append(
            Defect(
                kind=kind,
                dataset=dataset,
                file=file,
                row_number=row_number,
                key=key or {},
                rule_ids=rules,
                meaning=meaning,
                net_effect=net_effect or Decimal("0.00"),
            )
        )
