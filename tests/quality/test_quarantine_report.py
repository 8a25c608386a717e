"""Looking at rejected rows: counts by rule, rows with direct personal data masked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lakehouse.config.settings import settings
from lakehouse.errors import ContractError
from lakehouse.quality.quarantine_report import MASK, RuleCount, overview, show
from tests.support.tables import SOURCES, write_quarantine

MOMENT = datetime(2018, 1, 1, tzinfo=UTC)


def rejected(number: int, rules: list[str], **changes: Any) -> dict[str, Any]:
    received = {
        "basket_id": f"t{number}",
        "line": "1",
        "mail": "ann@example.com",
        "note": "call Ann",
        "sales_value": "many",
    }
    lineage = {
        "_source": "shop",
        "_source_file": f"dump{number}@0123456789ab",
        "_row_number": number,
        "_batch_id": "r1",
        "_ingested_at": MOMENT,
        "_row_hash": 1,
    }
    found = {
        "rule_ids": rules,
        "reason": "net_amount is not a decimal",
        "row_json": json.dumps(received),
        "quarantined_at": MOMENT + timedelta(hours=number),
    }
    return lineage | found | changes


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "sources.yml").write_text(SOURCES)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(tmp_path))
    settings.cache_clear()
    yield str(tmp_path / "lake")
    settings.cache_clear()


def test_nothing_was_ever_rejected(lake: str) -> None:
    assert overview(lake) == []
    assert show(lake, "contacts") == []


def test_counts_by_dataset_and_rule(lake: str) -> None:
    write_quarantine(lake, "transactions", [rejected(1, ["a", "b"]), rejected(2, ["b"])])
    write_quarantine(lake, "contacts", [rejected(3, ["c"])])
    first, second, third = (MOMENT + timedelta(hours=n) for n in (1, 2, 3))
    assert overview(lake) == [
        RuleCount("contacts", "c", 1, third, third, "dump3@0123456789ab"),
        RuleCount("transactions", "b", 2, first, second, "dump1@0123456789ab"),
        RuleCount("transactions", "a", 1, first, first, "dump1@0123456789ab"),
    ]


def test_rows_come_newest_first_with_what_names_a_person_masked(lake: str) -> None:
    write_quarantine(lake, "transactions", [rejected(1, ["a"]), rejected(2, ["a", "b"])])
    newest, oldest = show(lake, "transactions")
    assert (newest.row_number, newest.rule_ids, newest.reason) == (2, ("a", "b"), "net_amount is not a decimal")
    assert newest.row == {"basket_id": "t2", "line": "1", "mail": MASK, "note": MASK, "sales_value": "many"}
    assert oldest.quarantined_at == MOMENT + timedelta(hours=1)


def test_rows_of_one_rule_and_a_limit(lake: str) -> None:
    write_quarantine(lake, "transactions", [rejected(1, ["a"]), rejected(2, ["b"]), rejected(3, ["b"])])
    assert [found.row_number for found in show(lake, "transactions", rule="b")] == [3, 2]
    assert [found.row_number for found in show(lake, "transactions", limit=1)] == [3]
    assert show(lake, "transactions", rule="unheard") == []


def test_personal_data_is_shown_when_asked_for(lake: str) -> None:
    write_quarantine(lake, "transactions", [rejected(1, ["a"])])
    (found,) = show(lake, "transactions", show_personal_data=True)
    assert (found.row["mail"], found.row["note"]) == ("ann@example.com", "call Ann")


def test_rows_of_a_source_that_is_no_longer_declared_are_masked_whole(lake: str) -> None:
    write_quarantine(lake, "transactions", [rejected(1, ["a"], _source="gone")])
    (found,) = show(lake, "transactions")
    assert set(found.row.values()) == {MASK}


def test_unknown_dataset_is_an_error(lake: str) -> None:
    with pytest.raises(ContractError, match="unknown dataset"):
        show(lake, "weather")
