"""A shop with a history: silver and bronze behind gold, and three exports with a change of consent between them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.activation.audience.holdout import is_held_out
from lakehouse.activation.destinations import Batch, BatchReceipt, Outbox
from lakehouse.activation.destinations.destination import Rejection
from lakehouse.activation.why.ask import why
from lakehouse.activation.why.facts import Answer
from lakehouse.config.settings import settings
from lakehouse.contracts import BRONZE_LINEAGE, CONTACT_IDENTIFIERS, DATASETS, IDENTITIES, LINEAGE, arrow_schema
from lakehouse.storage.discovery import newest_version
from lakehouse.storage.ops_tables import record
from lakehouse.tables import silver
from tests.activation.conftest import SUPPRESSIONS, Shop, customer, new_shop, shop_in

T = datetime(2017, 12, 1, tzinfo=UTC)
WITHDRAWN = T + timedelta(days=20)
SHARE = 0.3


def drawn(is_in: bool, count: int) -> list[str]:
    """Customers who are drawn into the control group of `thanks`, or are not."""
    names = (f"c{number}" for number in range(1, 1000))
    return [name for name in names if is_held_out("thanks", name, SHARE) is is_in][:count]


HELD_OUT = drawn(True, 1)[0]
GONE, CHANGED, REFUSED, SAME = drawn(False, 4)  # who withdraws, changes, is rejected, stays the same
EVERYBODY = sorted([HELD_OUT, GONE, CHANGED, REFUSED, SAME])


_FEED = {"files": "*.csv", "format": "csv", "load": "increment", "timezone": "UTC"}
_CONSENTS = {
    "reference_type": "= 'crm_id'",
    "customer_reference": "id",
    "channel": "= 'email'",
    "purpose": "= 'marketing'",
    "status": "state",
    "changed_at": "at",
}
DECLARES_CONSENTS = {
    "sources": {"crm": {"kind": "files", "location": "in", "datasets": {"consents": _FEED | {"mapping": _CONSENTS}}}}
}


@dataclass
class History:
    """The shop, its exports by age, and how to ask."""

    shop: Shop

    @property
    def exports(self) -> list[str]:
        return [row["export_id"] for row in self.shop.receipts()]

    def why(self, customer_id: str, export: int | None = None, platform: str | None = None) -> Answer:
        """The answer about a customer in the newest export, or in the one at that place."""
        chosen = None if export is None else self.exports[export]
        return why(customer_id, "thanks", str(self.shop.lake), self.shop.home / "outbox", chosen, platform)


def write(shop: Shop, table: str, schema: pa.Schema, *rows: dict[str, Any], mode: str = "overwrite") -> None:
    write_deltalake(str(shop.lake / table), pa.Table.from_pylist(list(rows), schema=schema), mode=mode)


def lineage(file: str, row_number: int, loaded_at: datetime) -> dict[str, Any]:
    return {
        "_source_file": file,
        "_row_number": row_number,
        "_batch_id": "r",
        "_row_hash": 1,
        "_ingested_at": loaded_at,
    }


def consent(customer_id: str, status: str, at: datetime, file: str, row_number: int) -> dict[str, Any]:
    """A row of silver.consents, by CRM id."""
    loaded_at = at + timedelta(hours=1)
    return lineage(file, row_number, loaded_at) | {
        "reference_type": "crm_id",
        "customer_reference": f"k-{customer_id}",
        "channel": "email",
        "purpose": "marketing",
        "status": status,
        "changed_at": at,
        "changed_until": at,
        "_source": "crm",
        "_updated_at": loaded_at,
        "_is_deleted": False,
    }


def write_consents(shop: Shop, *rows: dict[str, Any]) -> None:
    """Append to silver.consents and to bronze.crm_consents."""
    write(shop, "silver/consents", arrow_schema((*DATASETS["consents"].columns, *LINEAGE)), *rows, mode="append")
    received = pa.schema([("id", pa.string()), ("state", pa.string()), *arrow_schema(BRONZE_LINEAGE)])
    delivered = [
        {name: row.get(name) for name in received.names} | {"id": row["customer_reference"], "state": row["status"]}
        for row in rows
    ]
    write(shop, "bronze/crm_consents", received, *delivered, mode="append")


def write_people(shop: Shop) -> None:
    """Contacts and identities of everybody, from one file."""
    at = T + timedelta(days=1)
    plain = {"created_at": T, "updated_at": T, "_source": "crm", "_updated_at": at, "_is_deleted": False}
    contacts = [
        lineage("contacts.csv@0123456789ab", place, at)
        | plain
        | {"contact_id": f"k-{name}", "email": f"{name}@example.com", "email_normalised": f"{name}@example.com"}
        for place, name in enumerate(EVERYBODY, start=1)
    ]
    write(shop, "silver/contacts", arrow_schema((*DATASETS["contacts"].columns, *LINEAGE)), *contacts)
    identities = [
        {"identifier_type": kind, "identifier": identifier, "customer_id": name, "rule": "root", "_updated_at": at}
        for name in EVERYBODY
        for kind, identifier in (("crm_id", f"k-{name}"), ("email", f"{name}@example.com"))
    ]
    write(shop, "silver/identities", arrow_schema(IDENTITIES.columns), *identities)
    former = [
        {"contact_id": f"k-{name}", "identifier_type": "email", "identifier": f"{name}@example.com"}
        for name in EVERYBODY
    ]
    write(shop, "silver/contact_identifiers", arrow_schema(CONTACT_IDENTIFIERS.columns), *former)


def gold_built_from_silver(shop: Shop) -> None:
    """Note that gold has been built from silver as it is."""
    shop.built()
    tables = [silver(name) for name in ("contacts", "consents", "contact_identifiers", "identities")]
    versions = {str(table): newest_version(table, str(shop.lake)) for table in tables}
    known = [row for row in shop.rows("ops/progress") if row["stage"] == "gold" and row["input_table"] == "as_of"]
    versions["as_of"] = known[-1]["input_version"]
    now = datetime.now(UTC)
    rows = [
        {"stage": stage, "input_table": name, "input_version": version, "run_id": "test", "recorded_at": now}
        for stage in ("gold", "gold.started")
        for name, version in versions.items()
    ]
    record("progress", rows, str(shop.lake))


def suppress(shop: Shop, customer_id: str, at: datetime) -> None:
    row = {"address": f"{customer_id}@example.com", "reason": "unsubscribed", "suppressed_at": at}
    write(shop, "gold/suppressions", SUPPRESSIONS, row)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a shop with three exports: everybody; one customer changed and one withdrew; nothing new. One is
    rejected every time."""
    folder = tmp_path_factory.mktemp("told")
    with pytest.MonkeyPatch.context() as patch, new_shop(folder, patch) as shop:
        _refuse_one(patch)
        (shop.conf / "sources.yml").write_text(json.dumps(DECLARES_CONSENTS))
        shop.declare(holdout_share=SHARE)
        write_people(shop)
        file = "consents.csv@aaaaaaaaaaaa"
        grants = [consent(name, "granted", T, file, place) for place, name in enumerate(EVERYBODY, 1)]
        write_consents(shop, *grants)
        shop.customers(*map(customer, EVERYBODY))
        gold_built_from_silver(shop)
        shop.export()

        write_consents(shop, consent(GONE, "withdrawn", WITHDRAWN, "consents.csv@bbbbbbbbbbbb", 7))
        suppress(shop, GONE, WITHDRAWN)
        spent = {name: Decimal("99.00") if name == CHANGED else Decimal("12.30") for name in EVERYBODY}
        shop.customers(*(customer(name, total_spend=amount) for name, amount in spent.items()))
        gold_built_from_silver(shop)
        shop.export()
        shop.export()
    return folder


@pytest.fixture
def history(told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    """A copy of `told`; who was rejected would be again."""
    shutil.copytree(told, tmp_path, dirs_exist_ok=True)
    with shop_in(tmp_path, monkeypatch) as shop:
        _refuse_one(monkeypatch)
        yield History(shop)


def _refuse_one(patch: pytest.MonkeyPatch) -> None:
    deliver = Outbox.deliver

    def refuse(self: Outbox, batch: Batch) -> BatchReceipt:
        found = deliver(self, batch)
        refused = {name: Rejection("mailbox unknown") for name in batch.customers if name == REFUSED}
        return replace(found, accepted=found.accepted - refused.keys(), rejected=refused)

    patch.setattr(Outbox, "deliver", refuse)
    patch.setenv("LAKEHOUSE_CONSENTS_BLOCK_AFTER_DAYS", "0")
    settings.cache_clear()
