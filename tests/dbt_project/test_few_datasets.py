"""Whoever has contacts, consents and transactions only gets gold: from delivered files to open gates, stage by stage as
the DAGs run them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from lakehouse.contracts import Stage
from lakehouse.gold.preconditions import gated_gold
from lakehouse.orchestration.pools import DATASETS
from lakehouse.orchestration.stages import run_stage
from lakehouse.outcome import TableOutcome
from lakehouse.spark.session import session
from lakehouse.window import BatchWindow
from tests.dbt_project.conftest import AS_OF, gold_rows
from tests.support.homes import Home

pytestmark = pytest.mark.slow

LOAD: dict[str, Any] = {"format": "csv", "load": "increment"}
DECLARED: dict[str, dict[str, Any]] = {
    "contacts": LOAD
    | {
        "files": "contacts.csv",
        "mapping": {name: name for name in ("contact_id", "email", "created_at", "updated_at")},
    },
    "consents": LOAD
    | {
        "files": "consents.csv",
        "mapping": {
            "reference_type": {"constant": "crm_id"},
            "customer_reference": "contact_id",
            "channel": {"constant": "email"},
        }
        | {"purpose": {"constant": "marketing"}, "status": "status", "changed_at": "changed_at"},
    },
    "transactions": LOAD
    | {
        "files": "sales.csv",
        "mapping": {
            "transaction_id": "receipt",
            "line_number": "line",
            "reference_type": {"constant": "crm_id"},
            "customer_reference": "contact_id",
        }
        | {
            "product_id": "product",
            "quantity": {"constant": "1"},
            "net_amount": "amount",
            "currency": {"constant": "EUR"},
            "occurred_at": "sold_at",
        },
    },
}
FILES = {
    "contacts.csv": "contact_id,email,created_at,updated_at\n"
    "1,ann@example.com,2017-01-01T00:00:00Z,2017-12-30T00:00:00Z\n",
    "consents.csv": "contact_id,status,changed_at\n1,granted,2017-01-01T00:00:00Z\n",
    "sales.csv": "receipt,line,contact_id,product,amount,sold_at\nt1,1,1,p1,2.50,2018-01-01T10:00:00Z\n",
}


@pytest.fixture
def home(engine: Home) -> Iterator[Home]:
    """A home with three delivered files, and nothing else declared."""
    delivered = engine.path / "delivered"
    delivered.mkdir()
    for name, text in FILES.items():
        (delivered / name).write_text(text)
    (engine.path / "conf").mkdir(exist_ok=True)
    declaration = {"sources": {"shop": {"kind": "files", "location": str(delivered), "datasets": DECLARED}}}
    (engine.path / "conf" / "sources.yml").write_text(json.dumps(declaration))
    yield engine
    for layer in ("bronze", "silver", "gold"):
        for table in session().sql(f"show tables in {layer}").collect():
            if not table["isTemporary"]:
                session().sql(f"drop table if exists {layer}.{table['tableName']}").collect()
    for folder in (engine.lake, engine.path / "landing", delivered):
        shutil.rmtree(folder)


def run_everything(run_id: str) -> list[TableOutcome]:
    """All stages up to the gates of gold; a gate that blocks raises."""
    window = BatchWindow.of(datetime(2017, 1, 1, tzinfo=UTC), AS_OF, run_id)
    done = [
        outcome
        for dataset in DATASETS
        for stage in (Stage.EXTRACT, Stage.BRONZE, Stage.SILVER)
        for outcome in run_stage(stage, dataset, window)
    ]
    done += run_stage(Stage.IDENTITIES, "identities", window)
    done += [
        outcome
        for dataset in (*DATASETS, "identities")
        for outcome in run_stage(Stage.GATE, f"silver.{dataset}", window)
    ]
    done += run_stage(Stage.GOLD, "build", window)
    return done + [outcome for table in gated_gold() for outcome in run_stage(Stage.GATE, str(table), window)]


def test_gold_of_three_datasets_is_built_and_every_gate_is_open(home: Home) -> None:
    run_everything("first")
    assert gold_rows(
        "select customer_id is not null, is_mailable, cast(total_spend as double) from {gold.dim_customers}"
    ) == [(True, True, 2.5)]
    again = run_everything("second")
    assert all(outcome.skipped for outcome in again)
    warned = [warning for outcome in again for warning in outcome.warnings if "nothing was delivered" in warning]
    assert warned == [], "what no source declares is not warned about"
