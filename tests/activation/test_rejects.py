"""`lakehouse exports`: what was sent, and whom a platform refused when it was asked last."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from lakehouse.activation.destinations import Batch, BatchReceipt, Outbox
from lakehouse.activation.destinations.destination import Rejection
from lakehouse.activation.rejects import rejects
from lakehouse.cli.exports import UnknownExportError, exports
from tests.activation.conftest import Shop, customer


def _listed(*options: str) -> list[Any]:
    found: list[Any] = json.loads(CliRunner().invoke(exports, ["list", "--json", *options]).output)
    return found


def _refusing(monkeypatch: pytest.MonkeyPatch, reason: str, *customers: str) -> None:
    deliver = Outbox.deliver

    def refuse(self: Outbox, batch: Batch) -> BatchReceipt:
        receipt = deliver(self, batch)
        return replace(
            receipt, accepted=receipt.accepted - set(customers), rejected=dict.fromkeys(customers, Rejection(reason))
        )

    monkeypatch.setattr(Outbox, "deliver", refuse)


def test_nothing_yet(shop: Shop) -> None:
    assert _listed() == [] and rejects(str(shop.lake)) == []
    assert CliRunner().invoke(exports, ["list"]).output == "Nothing was exported yet.\n"
    with pytest.raises(UnknownExportError, match="there is no export 'x'"):
        CliRunner().invoke(exports, ["show", "x"], catch_exceptions=False)


def test_a_rejection_lasts_until_the_platform_takes_the_customer(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = str(shop.lake)
    shop.customers(customer("c1"), customer("c2"), customer("c3"))
    with monkeypatch.context() as refusing:
        _refusing(refusing, "mailbox unknown", "c2", "c3")
        shop.export()
    assert [(one.customer_id, one.reason) for one in rejects(lake)] == [
        ("c2", "mailbox unknown"),
        ("c3", "mailbox unknown"),
    ]
    (first,) = _listed()
    assert (first["status"], first["counts"]["exported"], first["counts"]["rejected"]) == ("success", 1, 2)
    shown = CliRunner().invoke(exports, ["show", first["export_id"]]).output
    assert "mailbox unknown" in shown and first["export_id"] in shown
    whole = json.loads(CliRunner().invoke(exports, ["show", first["export_id"], "--json"]).output)
    assert whole["receipt"]["export_id"] == whole["manifest"]["export_id"] == first["export_id"]
    with monkeypatch.context() as refusing:
        _refusing(refusing, "still unknown", "c3")
        shop.export()
    told = json.loads(CliRunner().invoke(exports, ["rejects", "--json"]).output)
    assert [(one["customer_id"], one["reason"]) for one in told] == [("c3", "still unknown")]
    assert rejects(lake, campaign_id="another") == []
    assert len(_listed("--campaign", "thanks")) == 2 and len(_listed("--limit", "1")) == 1
    assert _listed("--campaign", "another") == []
