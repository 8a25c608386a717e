"""A source that delivered and is not declared any more stops exports until somebody says that it is meant."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.config.settings import settings
from lakehouse.errors import ExportRefusedError, TerminalError
from lakehouse.landing.source_decisions import end, rename, retire
from tests.activation.conftest import DECLARED, Shop, customer

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


def _delivered(shop: Shop, source: str, dataset: str = "products", at: datetime = YESTERDAY) -> None:
    rows = pa.table({"id": ["1"], "_ingested_at": pa.array([at], pa.timestamp("us", "UTC"))})
    write_deltalake(str(shop.lake / f"bronze/{source}_{dataset}"), rows, mode="append")


def _declare(shop: Shop, *sources: str) -> None:
    declared: dict[str, Any] = {name: copy.deepcopy(DECLARED["sources"]["crm"]) for name in sources}
    (shop.conf / "sources.yml").write_text(json.dumps({"sources": declared}))


def _is_refused(shop: Shop) -> bool:
    try:
        shop.export()
    except ExportRefusedError:
        return True
    return False


def test_nothing_is_sent_while_a_source_is_gone_but_removals_are(shop: Shop) -> None:
    _delivered(shop, "crm")
    shop.export()
    _delivered(shop, "esp", "consents")
    shop.customers(customer("c1", first_name="Bea"), customer("c2", is_mailable=False), customer("c3"))
    with pytest.raises(ExportRefusedError, match=rf"source esp delivered consents until {YESTERDAY:%Y-%m-%d} and is"):
        shop.export()
    assert shop.actions(shop.receipts()[-1]["export_id"]) == {"c2": "removed"}


def test_a_dataset_that_is_gone_from_a_declared_source_counts_too(shop: Shop) -> None:
    _delivered(shop, "crm", "campaign_members")
    with pytest.raises(ExportRefusedError, match="source crm delivered campaign_members until"):
        shop.export()


def test_declared_again_it_is_read_again(shop: Shop) -> None:
    _delivered(shop, "esp")
    assert _is_refused(shop)
    _declare(shop, "crm", "esp")
    assert not _is_refused(shop)


def test_who_retires_a_source_may_send(shop: Shop) -> None:
    _delivered(shop, "esp")
    retire("esp", [], settings().lake)
    assert not _is_refused(shop)


def test_a_source_that_ended_keeps_its_rows_until_it_delivers_again(shop: Shop) -> None:
    _delivered(shop, "esp")
    assert end("esp", settings().lake) == ["products"]
    assert not _is_refused(shop)
    with pytest.raises(TerminalError, match="there is nothing that source esp delivered"):
        end("esp", settings().lake)
    _delivered(shop, "esp", at=datetime.now(UTC) + timedelta(hours=1))
    assert _is_refused(shop)


def test_a_renamed_source_is_not_gone(shop: Shop) -> None:
    _delivered(shop, "esp")
    _declare(shop, "crm", "mailer")
    assert _is_refused(shop)
    rename("esp", "mailer", settings())
    assert not _is_refused(shop)
    _declare(shop, "crm")
    with pytest.raises(ExportRefusedError, match="source mailer delivered products"):
        shop.export()


def test_a_decision_fits_into_a_table_of_before(shop: Shop) -> None:
    """ops.source_changes had no column `dataset`."""
    now = pa.array([YESTERDAY], pa.timestamp("us", "UTC"))
    before = {"source": ["old"], "change": ["retired"], "new_name": pa.array([None], pa.string()), "changed_by": ["a"]}
    write_deltalake(str(shop.lake / "ops/source_changes"), pa.table(before | {"changed_at": now}))
    _delivered(shop, "old")
    _delivered(shop, "esp")
    end("esp", settings().lake)
    assert not _is_refused(shop)
