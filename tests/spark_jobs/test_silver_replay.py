"""Quarantined rows get another try after the contract or the mapping was fixed."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.errors import ContractError
from lakehouse.silver.replay import replay
from lakehouse.spark.table import SparkTable
from tests.spark_jobs.conftest import Lake, window
from tests.spark_jobs.datasets import CONSENTS, CONTACTS, contact


def change(reference: str, event: str, at: str = "2017-01-01") -> dict[str, str | None]:
    return {"type": "crm_id", "reference": reference, "event": event, "at": at}


def with_status_mapped() -> dict[str, Any]:
    status = {"expression": "case event when 'opt_in' then 'granted' when 'yes' then 'granted' else event end"}
    return CONSENTS | {"mapping": CONSENTS["mapping"] | {"status": status}}


@pytest.mark.both_engines(soak=True)
def test_rows_that_are_good_now_move_and_others_stay(lake: Lake) -> None:
    lake.declare({"consents": CONSENTS})
    lake.load("consents", change("k1", "opt_in"), change("k2", "yes"), change("k3", "yes", at="soon"))
    lake.declare({"consents": with_status_mapped()})
    outcome = replay("consents", window())
    assert (outcome.read, outcome.loaded, outcome.quarantined, outcome.duplicates) == (2, 1, 1, 0)
    assert lake.values("silver.consents", "customer_reference", "status") == [("k1", "granted"), ("k2", "granted")]
    assert lake.values("silver.consents_quarantine", "_row_number") == [(3,)]
    assert [row["_source_file"] for row in lake.rows("silver.consents")] == [
        row["_source_file"] for row in lake.rows("bronze.crm_consents")[:2]
    ]


def test_again_changes_nothing(lake: Lake) -> None:
    lake.declare({"consents": CONSENTS})
    lake.load("consents", change("k1", "opt_in"), change("k2", "yes"))
    lake.declare({"consents": with_status_mapped()})
    replay("consents", window())
    before = lake.rows("silver.consents")
    assert replay("consents", window()).skipped
    assert lake.rows("silver.consents") == before


def test_killed_before_quarantine_is_emptied_then_run_again(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.declare({"consents": CONSENTS})
    lake.load("consents", change("k1", "opt_in"), change("k2", "yes"))
    lake.declare({"consents": with_status_mapped()})

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SparkTable, "delete", die)
        with pytest.raises(KeyboardInterrupt):
            replay("consents", window())
    outcome = replay("consents", window())
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (1, 0, 1)
    assert lake.rows("silver.consents_quarantine") == []
    assert len(lake.rows("silver.consents")) == 2


@pytest.mark.slow
def test_replayed_rows_equal_a_rebuild(lake: Lake) -> None:
    lake.declare({"contacts": CONTACTS})
    lake.load("contacts", contact("k1"), contact("k2", modified="1 Feb 2017"), contact("k3"), name="1.jsonl")
    lake.load("contacts", contact("k1"), contact("k3"), name="2.jsonl")
    modified = {"expression": "case modified when '1 Feb 2017' then '2017-02-01' else modified end"}
    lake.declare({"contacts": CONTACTS | {"mapping": CONTACTS["mapping"] | {"updated_at": modified}}})
    assert replay("contacts", window()).loaded == 1
    assert lake.values("silver.contacts", "contact_id", "_is_deleted") == [("k1", False), ("k2", True), ("k3", False)]
    columns = [name for name in lake.rows("silver.contacts")[0] if name != "_updated_at"]
    before = lake.rows("silver.contacts", *columns)
    lake.silver("contacts", is_full=True)
    assert lake.rows("silver.contacts", *columns) == before


def test_nothing_quarantined_and_unknown_dataset(lake: Lake) -> None:
    lake.declare({"consents": CONSENTS})
    lake.load("consents", change("k1", "opt_in"))
    assert replay("consents", window()).skipped
    with pytest.raises(ContractError, match="unknown dataset"):
        replay("orders", window())
