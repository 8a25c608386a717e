"""A lake with a few tables, written by delta-rs, and the command line run inside this process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.cli import main
from lakehouse.config.settings import settings
from lakehouse.storage.ops_tables import record

AT = datetime(2018, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class Ran:
    """Exit code and what was printed."""

    code: int
    out: str
    err: str


@dataclass
class Lakehouse:
    """A home, and its command line."""

    home: Path
    capture: pytest.CaptureFixture[str]

    @property
    def lake(self) -> Path:
        return self.home / "lake"

    def __call__(self, *arguments: str) -> Ran:
        self.capture.readouterr()
        code = main(arguments)
        printed = self.capture.readouterr()
        return Ran(code, printed.out, printed.err)


def customers(*spend: str) -> pa.Table:
    """Customers c1, c2, ... with the given total_spend, and one of every kind of value."""
    return pa.table(
        {
            "customer_id": [f"c{n + 1}" for n in range(len(spend))],
            "total_spend": pa.array([Decimal(amount) for amount in spend], pa.decimal128(18, 2)),
            "last_order_at": pa.array([AT] * len(spend), pa.timestamp("us", tz="UTC")),
            "birth_date": pa.array([date(1990, 5, 17)] * len(spend)),
            "categories": pa.array([["b", "a"]] * len(spend), pa.list_(pa.string())),
            "address": pa.array(
                [{"city": "Köln", "zip": None}] * len(spend), pa.struct([("city", pa.string()), ("zip", pa.string())])
            ),
            "is_mailable": [True] * len(spend),
        }
    )


@pytest.fixture
def lakehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Lakehouse]:
    """Two customers, one failed and one good run on record; files outside the lake to try to read."""
    home = tmp_path / "var"
    monkeypatch.setenv("LAKEHOUSE_HOME", str(home))
    monkeypatch.delenv("LAKEHOUSE_LAKE_ROOT", raising=False)
    settings.cache_clear()
    (tmp_path / "secret.csv").write_text("password\nhunter2\n")
    write_deltalake(str(tmp_path / "other_delta"), pa.table({"password": ["hunter2"]}))
    write_deltalake(str(home / "lake/gold/dim_customers"), customers("12.30", "0.00"))
    common = {"run_id": "r1", "dag_id": "ingest_crm", "started_at": AT, "seconds": 1.0, "finished_at": AT}
    counts = {"count_read": 2, "count_loaded": 2, "count_quarantined": 0, "count_duplicate": 0}
    good = {"stage": "gold", "table_name": "gold.dim_customers", "status": "success", "message": None}
    bad = {
        "stage": "silver",
        "table_name": "silver.contacts",
        "status": "failed",
        "message": "EngineUnavailableError: engine: gone",
    }
    record("runs", [common | counts | good, common | counts | bad], str(home / "lake"))
    yield Lakehouse(home, capsys)
    settings.cache_clear()
