"""A small gold layer on disk, written by delta-rs, and a configuration folder: what an export needs, and no engine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.activation.export import export_campaign
from lakehouse.activation.planning.next_export import GATED
from lakehouse.config.settings import settings
from lakehouse.outcome import TableOutcome
from lakehouse.storage.discovery import newest_version
from lakehouse.storage.ops_tables import record
from lakehouse.storage.progress import GOLD_BUILT, GOLD_STARTED, newest_inputs
from lakehouse.window import BatchWindow

AS_OF = datetime(2018, 1, 2, tzinfo=UTC)

CUSTOMERS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("email", pa.string()),
        ("first_name", pa.string()),
        ("total_spend", pa.decimal128(14, 2)),
        ("recency_days", pa.int64()),
        ("discount_sensitivity", pa.float64()),
        ("email_consent_status", pa.string()),
        ("email_consent_at", pa.timestamp("us", tz="UTC")),
        ("is_mailable", pa.bool_()),
        ("as_of", pa.timestamp("us", tz="UTC")),
        ("_updated_at", pa.timestamp("us", tz="UTC")),
    ]
)
MEMBERS = pa.schema([("segment", pa.string()), ("customer_id", pa.string()), ("detail", pa.string())])
SUPPRESSIONS = pa.schema(
    [("address", pa.string()), ("reason", pa.string()), ("suppressed_at", pa.timestamp("us", tz="UTC"))]
)


# A source that has delivered nothing so far.
DECLARED = {
    "sources": {
        "crm": {
            "kind": "files",
            "location": "in",
            "datasets": {
                "products": {
                    "files": "*.csv",
                    "format": "csv",
                    "load": "increment",
                    "timezone": "UTC",
                    "mapping": {"product_id": "id"},
                }
            },
        }
    }
}


def customer(customer_id: str, **values: Any) -> dict[str, Any]:
    """A customer who may be written to, unless `values` say otherwise."""
    plain = {
        "customer_id": customer_id,
        "email": f"{customer_id}@example.com",
        "first_name": "Ada",
        "total_spend": Decimal("12.30"),
        "recency_days": 3,
        "discount_sensitivity": 0.25,
        "email_consent_status": "granted",
        "email_consent_at": datetime(2017, 3, 4, 5, 6, tzinfo=UTC),
        "is_mailable": True,
        "as_of": AS_OF,
    }
    return plain | values


@dataclass
class Shop:
    """Home, lake and configuration of one test; every method leaves committed tables behind."""

    home: Path
    conf: Path

    @property
    def lake(self) -> Path:
        return self.home / "lake"

    def customers(
        self, *rows: dict[str, Any], segment: str = "loyal_champions", members: list[str] | None = None
    ) -> None:
        """Replace gold.dim_customers, and the members of the segment (default: all customers), as a rebuild would."""
        stamped = [row | {"_updated_at": datetime.now(UTC)} for row in rows]
        self._replace("gold/dim_customers", stamped, CUSTOMERS)
        ids = [row["customer_id"] for row in rows] if members is None else members
        self._replace(
            "gold/segment_members", [{"segment": segment, "customer_id": customer_id} for customer_id in ids], MEMBERS
        )
        self.built()

    def suppress(self, *addresses: str) -> None:
        """Replace gold.suppressions."""
        rows = [{"address": address, "reason": "unsubscribed", "suppressed_at": AS_OF} for address in addresses]
        self._replace("gold/suppressions", rows, SUPPRESSIONS)
        self.built()

    def built(self, as_of: datetime = AS_OF) -> None:
        """Note that a run has built gold as it is, for that moment, from the silver that was known, and checked it."""
        lake, now = str(self.lake), datetime.now(UTC)
        inputs = {stage: newest_inputs(stage, lake)[1] for stage in (GOLD_STARTED, GOLD_BUILT)}
        noted = {stage: known | {"as_of": int(as_of.timestamp())} for stage, known in inputs.items()}
        noted |= {f"gate {table} rules": {str(table): newest_version(table, lake) or 0} for table in GATED}
        rows = [
            {"stage": stage, "input_table": name, "input_version": value, "run_id": "test", "recorded_at": now}
            for stage, versions in noted.items()
            for name, value in versions.items()
        ]
        record("progress", rows, lake)

    def declare(self, **changes: Any) -> None:
        """Write campaigns.yml with the campaign `thanks` (JSON is YAML)."""
        plain = {
            "segment": "loyal_champions",
            "send_at": "2018-01-05 09:00 Europe/Berlin",
            "platform": "outbox",
            "fields": ["first_name", "total_spend"],
        }
        (self.conf / "campaigns.yml").write_text(json.dumps({"campaigns": {"thanks": plain | changes}}))

    def export(self) -> TableOutcome:
        (outcome,) = export_campaign("thanks", BatchWindow(AS_OF, AS_OF, "test", AS_OF))
        return outcome

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table; empty when it has not been written."""
        location = str(self.lake / table)
        return DeltaTable(location).to_pyarrow_table().to_pylist() if DeltaTable.is_deltatable(location) else []

    def receipts(self) -> list[dict[str, Any]]:
        """Rows of ops.exports in order."""
        return sorted(self.rows("ops/exports"), key=lambda row: row["finished_at"])

    def actions(self, export_id: str) -> dict[str, str]:
        return {
            row["customer_id"]: row["action"]
            for row in self.rows("ops/export_records")
            if row["export_id"] == export_id
        }

    def _replace(self, table: str, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
        write_deltalake(str(self.lake / table), pa.Table.from_pylist(rows, schema=schema), mode="overwrite")


def assert_balanced(row: Mapping[str, Any]) -> None:
    """Both laws of an export that succeeded."""
    assert (
        row["count_audience"]
        == row["count_holdout"]
        + row["count_suppressed"]
        + row["count_added"]
        + row["count_changed"]
        + row["count_unchanged"]
        + row["count_dead_letters"]
    )
    assert (
        row["count_added"] + row["count_changed"] + row["count_removed"]
        == row["count_exported"] + row["count_rejected"]
    )


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """An empty shop: two mailable customers in segment `loyal_champions`, nobody suppressed, campaign `thanks` to the
    outbox."""
    with new_shop(tmp_path, monkeypatch) as made:
        yield made


@contextmanager
def new_shop(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Such a shop in an empty folder; this process works in it."""
    (folder / "conf").mkdir()
    (folder / "conf" / "sources.yml").write_text(json.dumps(DECLARED))
    with shop_in(folder, monkeypatch) as made:
        made.customers(customer("c1"), customer("c2"))
        made.suppress()
        made.declare()
        yield made


@contextmanager
def shop_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The shop of a folder; this process works in it."""
    monkeypatch.setenv("LAKEHOUSE_HOME", str(folder / "var"))
    monkeypatch.setenv("LAKEHOUSE_CONF", str(folder / "conf"))
    monkeypatch.delenv("LAKEHOUSE_LAKE_ROOT", raising=False)
    settings.cache_clear()
    yield Shop(folder / "var", folder / "conf")
    settings.cache_clear()
