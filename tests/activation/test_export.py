"""One campaign through the whole room: what lands in the outbox, what is recorded, and that only changes are sent."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lakehouse.errors import ConfigurationError, ExportRunningError, MissingTableError
from tests.activation.conftest import Shop, assert_balanced, customer

PLAIN = """\
campaigns:
  thanks:
    segment: loyal_champions
    send_at: 2018-01-05 09:00 Europe/Berlin
    platform: outbox
    fields:
"""


def _lines(shop: Shop, export_id: str) -> list[dict[str, Any]]:
    files = sorted((shop.home / "outbox/outbox/thanks" / export_id / "batches").glob("*.jsonl.gz"))
    return [json.loads(line) for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]


def _json(shop: Shop, export_id: str, name: str) -> dict[str, Any]:
    return json.loads((shop.home / "outbox/outbox/thanks" / export_id / name).read_text())


def test_first_export_adds_everybody(shop: Shop) -> None:
    outcome = shop.export()
    assert (outcome.read, outcome.loaded, outcome.duplicates, outcome.quarantined, outcome.skipped) == (
        2,
        2,
        0,
        0,
        False,
    )
    (receipt,) = shop.receipts()
    assert receipt["status"] == "success" and receipt["count_added"] == 2
    assert_balanced(receipt)
    assert _lines(shop, receipt["export_id"]) == [
        {
            "action": "upsert",
            "attributes": {"first_name": "Ada", "total_spend": 12.3},
            "customer_id": "c1",
            "email": "c1@example.com",
        },
        {
            "action": "upsert",
            "attributes": {"first_name": "Ada", "total_spend": 12.3},
            "customer_id": "c2",
            "email": "c2@example.com",
        },
    ]


def test_second_export_without_changes_exports_nothing(shop: Shop) -> None:
    shop.export()
    outcome = shop.export()
    assert (outcome.loaded, outcome.duplicates, outcome.skipped) == (0, 2, True)
    assert [row["count_exported"] for row in shop.receipts()] == [2, 0]
    assert len({row["export_id"] for row in shop.receipts()}) == 2
    assert _lines(shop, shop.receipts()[1]["export_id"]) == []


def test_full_rebuild_of_unchanged_gold_exports_nothing(shop: Shop) -> None:
    shop.export()
    shop.customers(customer("c2"), customer("c1"))  # new Delta version, other order, newer _updated_at
    assert shop.export().loaded == 0


@pytest.mark.slow
def test_only_changes_are_sent(shop: Shop) -> None:
    shop.customers(customer("c1"), customer("c2"), customer("c3"))
    shop.export()
    shop.customers(
        customer("c1"), customer("c2", total_spend=Decimal("99.00")), customer("c4"), members=["c1", "c2", "c4"]
    )
    outcome = shop.export()
    receipt = shop.receipts()[1]
    assert shop.actions(receipt["export_id"]) == {"c2": "changed", "c3": "removed", "c4": "added"}
    assert_balanced(receipt)
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (4, 3, 1)
    removal, *upserts = _lines(shop, receipt["export_id"])
    assert removal == {"action": "remove", "customer_id": "c3"}
    assert [line["customer_id"] for line in upserts] == ["c2", "c4"]


def test_going_back_to_an_earlier_state_is_an_export_of_its_own(shop: Shop) -> None:
    for spend in ("1.00", "2.00", "1.00"):
        shop.customers(customer("c1", total_spend=Decimal(spend)), customer("c2"))
        shop.export()
    assert [row["count_exported"] for row in shop.receipts()] == [2, 1, 1]
    assert len({row["export_id"] for row in shop.receipts()}) == 3


@pytest.mark.slow
def test_suppressed_customer_is_removed_from_the_platform(shop: Shop) -> None:
    shop.export()
    shop.suppress(" C1@Example.com ")
    shop.export()
    receipt = shop.receipts()[1]
    assert shop.actions(receipt["export_id"]) == {"c1": "removed"}
    assert (receipt["count_suppressed"], receipt["count_unchanged"]) == (1, 1)
    assert_balanced(receipt)


def test_member_without_profile_is_not_sent_to(shop: Shop) -> None:
    shop.customers(customer("c1"), members=["c1", "c9"])
    shop.export()
    (receipt,) = shop.receipts()
    assert (receipt["count_audience"], receipt["count_suppressed"], receipt["count_added"]) == (2, 1, 1)
    assert _json(shop, receipt["export_id"], "manifest.json")["suppressed_by_reason"] == {"no_address": 1}


def test_one_mail_per_mailbox(shop: Shop) -> None:
    shop.customers(customer("c1", email="same@example.com"), customer("c2", email="SAME@example.com"))
    shop.export()
    (receipt,) = shop.receipts()
    assert shop.actions(receipt["export_id"]) == {"c1": "added"}
    assert _json(shop, receipt["export_id"], "manifest.json")["suppressed_by_reason"] == {"shared_address": 1}


def test_segment_without_members_warns(shop: Shop) -> None:
    shop.customers(customer("c1"), members=[])
    outcome = shop.export()
    assert outcome.warnings == ("segment loyal_champions has no members",)
    assert shop.receipts()[0]["count_audience"] == 0


def test_manifest_proves_what_was_known(shop: Shop) -> None:
    shop.export()
    (receipt,) = shop.receipts()
    assert receipt["manifest_path"] == f"outbox/thanks/{receipt['export_id']}/manifest.json"
    manifest = _json(shop, receipt["export_id"], "manifest.json")
    assert manifest["table_versions"] == {"gold.dim_customers": 0, "gold.segment_members": 0, "gold.suppressions": 0}
    assert manifest["consent_snapshot"] == {"table": "gold.suppressions", "version": 0}
    assert manifest["profiles_as_of"] == "2018-01-02T00:00:00Z" and manifest["send_at"] == "2018-01-05T08:00:00Z"
    assert manifest["counts"] == {
        "audience": 2,
        "holdout": 0,
        "suppressed": 0,
        "added": 2,
        "changed": 0,
        "removed": 0,
        "unchanged": 0,
        "dead_letters": 0,
    }
    recipients = shop.home / "outbox/outbox/thanks" / receipt["export_id"] / manifest["recipients"]
    hashes = {
        row["customer_id"]: row["payload_hash"]
        for row in map(json.loads, gzip.decompress(recipients.read_bytes()).splitlines())
    }
    sent = {row["customer_id"]: row["payload_hash"] for row in shop.rows("ops/export_records")}
    body = b'{"attributes":{"first_name":"Ada","total_spend":12.30},"customer_id":"c1","email":"c1@example.com"}'
    assert hashes == sent and hashes["c1"] == hashlib.sha256(body).hexdigest()


def test_receipt_names_every_batch(shop: Shop) -> None:
    shop.export()
    (row,) = shop.receipts()
    receipt = _json(shop, row["export_id"], "receipt.json")
    (batch,) = receipt["batches"]
    packed = (shop.home / "outbox/outbox/thanks" / row["export_id"] / batch["reference"]).read_bytes()
    assert hashlib.sha256(packed).hexdigest() == batch["sha256"] and batch["accepted"] == 2
    assert receipt["counts"]["exported"] == 2


def test_bucketed_field_does_not_change_every_day(shop: Shop) -> None:
    shop.declare(fields=[{"bucket": {"field": "recency_days", "edges": [30, 90]}}])
    shop.customers(customer("c1", recency_days=3), customer("c2", recency_days=29))
    assert shop.export().warnings == ()
    shop.customers(customer("c1", recency_days=4), customer("c2", recency_days=30))
    shop.export()
    assert shop.actions(shop.receipts()[1]["export_id"]) == {"c2": "changed"}
    assert _lines(shop, shop.receipts()[1]["export_id"])[0]["attributes"] == {"recency_days_band": "30..90"}


def test_unbucketed_volatile_field_warns(shop: Shop) -> None:
    shop.declare(fields=["recency_days"])
    (warning,) = shop.export().warnings
    assert "recency_days" in warning and "bucket" in warning


def test_send_moment_in_the_past_warns(shop: Shop) -> None:
    shop.declare(send_at="2018-01-01 09:00 Europe/Berlin")
    (warning,) = shop.export().warnings
    assert "send_at" in warning


def test_held_out_customers_are_not_sent(shop: Shop) -> None:
    shop.customers(*[customer(f"c{n}") for n in range(200)])
    shop.declare(holdout_share=0.5)
    shop.export()
    (receipt,) = shop.receipts()
    assert 60 < receipt["count_holdout"] < 140
    assert_balanced(receipt)


def test_unknown_column_names_the_line(shop: Shop) -> None:
    (shop.conf / "campaigns.yml").write_text(PLAIN + "      - first_nam\n")
    with pytest.raises(ConfigurationError, match=r"campaigns\.yml:7: .*'first_nam'.*first_name"):
        shop.export()


def test_unknown_segment_names_the_line(shop: Shop) -> None:
    (shop.conf / "campaigns.yml").write_text(PLAIN.replace("loyal_champions", "royal") + "      - first_name\n")
    with pytest.raises(ConfigurationError, match=r"campaigns\.yml:3: .*'royal'.*loyal_champions"):
        shop.export()


def test_without_suppressions_nothing_is_sent(shop: Shop) -> None:
    for file in (shop.lake / "gold/suppressions/_delta_log").iterdir():
        file.unlink()
    with pytest.raises(MissingTableError, match=r"gold\.suppressions"):
        shop.export()
    assert shop.rows("ops/export_records") == []


def test_two_processes_do_not_export_at_once(shop: Shop) -> None:
    from lakehouse.utils.file_lock import held_lock

    with held_lock(shop.home / "outbox/outbox/thanks/.lock", 0), pytest.raises(ExportRunningError):
        shop.export()


@pytest.mark.slow
def test_acknowledgements_get_newer_whatever_the_clock_says(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.export()
    before = max(row["acknowledged_at"] for row in shop.rows("ops/export_records"))

    class Slow(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2001, 1, 1, tzinfo=UTC)

    monkeypatch.setattr("lakehouse.activation.send.datetime", Slow)
    shop.customers(customer("c1", first_name="Bea"), customer("c2"))
    shop.export()
    assert max(row["acknowledged_at"] for row in shop.rows("ops/export_records")) > before
    assert shop.export().loaded == 0


def test_a_lake_that_delta_rs_reads_is_exported(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one in an object store is: DuckDB gets its tables as Arrow datasets, which only their connection knows."""
    monkeypatch.setattr("lakehouse.storage.duckdb_views.is_remote", lambda lake: True)
    shop.export()
    shop.customers(customer("c1", first_name="Bea"), customer("c2"), members=["c1"])
    shop.export()
    assert shop.actions(shop.receipts()[1]["export_id"]) == {"c1": "changed", "c2": "removed"}


def test_an_export_leaves_nothing_of_what_did_not_fit_into_memory(shop: Shop) -> None:
    left = shop.home / "tmp/export-outbox-thanks/left-by-a-kill"
    left.mkdir(parents=True)
    shop.export()
    assert not list((shop.home / "tmp").iterdir())


def test_outbox_is_below_the_home(shop: Shop, tmp_path: Path) -> None:
    shop.export()
    assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")} == {"conf", "var"}
