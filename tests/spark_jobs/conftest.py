"""A real engine and an empty lake: deliveries go in as landed files, tables come out as rows."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.config.settings import settings
from lakehouse.contracts import Stage
from lakehouse.landing.files import StagedRows, landed_path, source_file
from lakehouse.orchestration.stages import run_stage
from lakehouse.outcome import TableOutcome
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef
from lakehouse.window import BatchWindow
from tests.support.homes import Home

# Stands in sources.yml when a test takes out the last source.
NOTHING_DELIVERED = {
    "nobody": {
        "kind": "files",
        "location": "nowhere",
        "datasets": {
            "redemptions": {
                "files": "*.csv",
                "format": "csv",
                "load": "increment",
                "mapping": {
                    name: name
                    for name in (
                        "redemption_id",
                        "reference_type",
                        "customer_reference",
                        "coupon_id",
                        "campaign_id",
                        "redeemed_at",
                    )
                },
            }
        },
    }
}
START, END = datetime(2017, 1, 1, tzinfo=UTC), datetime(2018, 1, 2, tzinfo=UTC)


def window(run_id: str = "run", is_full: bool = False) -> BatchWindow:
    return BatchWindow.of(START, END, run_id, is_full=is_full)


@dataclass
class Lake:
    """The lake of one test. Sources: `crm` and `shop` as in the project's sources.yml, unless `declare` says
    otherwise."""

    home: Path
    conf: Path
    runs: int = field(default=0)

    def declare(self, datasets: dict[str, dict[str, Any]], source: str = "crm", **more: Any) -> None:
        """Write sources.yml: dataset -> its declaration (files, format, load, mapping ...), all of one source, with
        `more` keys of the source."""
        complete = {name: {"files": f"{name}.csv", "format": "csv"} | declared for name, declared in datasets.items()}
        path = self.conf / "sources.yml"
        sources = json.loads(path.read_text())["sources"] if path.exists() else {}
        sources[source] = {"kind": "files", "location": "sample", "datasets": complete} | more
        path.write_text(json.dumps({"sources": sources}))

    def undeclare(self, source: str) -> None:
        """Take a source out of sources.yml."""
        path = self.conf / "sources.yml"
        sources = json.loads(path.read_text())["sources"]
        del sources[source]
        path.write_text(json.dumps({"sources": sources or NOTHING_DELIVERED}))

    def deliver(self, dataset: str, *rows: dict[str, str | None], name: str = "dump.csv", source: str = "crm") -> None:
        """Land one delivered file, as the extract stage would: texts, `_source_file`, `_row_number`."""
        columns = list(dict.fromkeys(column for row in rows for column in row))
        texts = {column: pa.array([row.get(column) for row in rows], pa.string()) for column in columns}
        sha256 = hashlib.sha256(json.dumps([name, rows]).encode()).hexdigest()
        folder = self.home / "landing" / source / dataset
        folder.mkdir(parents=True, exist_ok=True)
        with StagedRows(folder, name) as staged:
            staged.write(pa.RecordBatch.from_pydict(texts))
            staged.land(landed_path(folder, sha256), source_file(name, sha256))

    def bronze(self, dataset: str) -> list[TableOutcome]:
        return run_stage(Stage.BRONZE, dataset, self._window())

    def silver(self, dataset: str, is_full: bool = False) -> TableOutcome:
        (outcome,) = run_stage(Stage.SILVER, dataset, self._window(is_full))
        return outcome

    def load(
        self, dataset: str, *rows: dict[str, str | None], name: str = "dump.csv", source: str = "crm"
    ) -> TableOutcome:
        """Deliver one file and take it to silver."""
        self.deliver(dataset, *rows, name=name, source=source)
        self.bronze(dataset)
        return self.silver(dataset)

    def identities(self, is_full: bool = False) -> TableOutcome:
        (outcome,) = run_stage(Stage.IDENTITIES, "identities", self._window(is_full))
        return outcome

    def rows(self, table: str, *columns: str) -> list[dict[str, Any]]:
        """Rows of a table with the chosen columns, sorted; empty when it does not exist."""
        found = Table(TableRef.parse(table), settings().lake).rows(list(columns) or None)
        return [] if found is None else sorted(found.to_pylist(), key=str)

    def values(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        return [tuple(row[column] for column in columns) for row in self.rows(table, *columns)]

    def start_over(self) -> None:
        """Remove all tables and landed files; for the examples of one test."""
        for folder in ("lake", "landing"):
            shutil.rmtree(self.home / folder, ignore_errors=True)

    def _window(self, is_full: bool = False) -> BatchWindow:
        self.runs += 1
        return window(f"run{self.runs}", is_full)


@pytest.fixture
def lake(engine: Home) -> Iterator[Lake]:
    """An empty lake on a running engine."""
    conf = engine.path / "conf"
    yield Lake(engine.path, conf)
    for name in ("lake", "landing", "sample"):
        shutil.rmtree(engine.path / name, ignore_errors=True)
    (conf / "sources.yml").unlink(missing_ok=True)
