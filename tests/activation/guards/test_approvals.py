"""An export that a guard asks about waits for a decision of a person; a decision is about that export only."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.activation.destinations.outbox import Outbox
from lakehouse.activation.planning.stage import make_send_plan
from lakehouse.activation.records.approvals import ApprovalNeededError, NoPlanError, decide, planned_export
from lakehouse.cli.main import main
from lakehouse.window import BatchWindow
from tests.activation.conftest import AS_OF, Shop, assert_balanced, customer, shop  # noqa: F401 - a fixture
from tests.activation.sending.accounts import account_at

WINDOW = BatchWindow(AS_OF, AS_OF, "test", AS_OF)
ALL = 120


def _named(shop: Shop, name: str, **changes: Any) -> None:  # noqa: F811 - the fixture
    shop.customers(*(customer(f"c{at}", first_name=name) for at in range(ALL)), **changes)


@pytest.fixture
def asked(shop: Shop) -> Shop:  # noqa: F811 - the fixture
    """A shop whose 120 customers were exported and have other names now: a full sync."""
    _named(shop, "Ada")
    shop.export()
    _named(shop, "Eve")
    return shop


def _refused(asked: Shop) -> ApprovalNeededError:
    with pytest.raises(ApprovalNeededError) as refused:
        asked.export()
    return refused.value


@pytest.mark.slow
def test_it_is_refused_with_figures_and_remedy(asked: Shop) -> None:
    refused = _refused(asked)
    assert str(refused) == (
        "export of campaign thanks to outbox refused: it waits for approval: 120 of the 120 customers at outbox would"
        " be sent again (100 %), because their payloads changed. Look at its plan and"
        " preview (Airflow UI: Browse, Campaigns). If it is right, approve it with `lakehouse exports approve"
        f" {refused.export_id} --reason TEXT` and run again; if not, fix the cause."
    )
    assert len(asked.receipts()) == 1


def test_approved_it_goes_once(asked: Shop) -> None:
    refused = _refused(asked)
    assert main(["exports", "approve", refused.export_id, "--reason", "new names"]) == 0
    assert asked.export().loaded == ALL
    assert asked.receipts()[-1]["export_id"] == refused.export_id
    assert_balanced(asked.receipts()[-1])
    (row,) = asked.rows("ops/approvals")
    assert (row["export_id"], row["decision"], row["reason"]) == (refused.export_id, "approved", "new names")
    assert row["guards"].startswith("120 of the 120 customers at outbox would be sent again")
    assert asked.export().loaded == 0


@pytest.mark.slow
def test_rejected_it_is_refused_and_says_by_whom(asked: Shop) -> None:
    plan, _ = make_send_plan("thanks", WINDOW)
    decide(plan, False, "ada", "wrong names", str(asked.lake))
    assert "It was rejected by ada at " in str(_refused(asked)) and "wrong names" in str(_refused(asked))
    decide(plan, True, "grace", "", str(asked.lake))  # the newest decision counts
    assert asked.export().loaded == ALL


@pytest.mark.slow
def test_nobody_answered_in_time(asked: Shop) -> None:
    decide(make_send_plan("thanks", WINDOW)[0], False, "", "", str(asked.lake))
    assert "rejected, because nobody answered in time, at " in str(_refused(asked))


@pytest.mark.slow
def test_a_decision_is_not_about_other_data(asked: Shop) -> None:
    decide(make_send_plan("thanks", WINDOW)[0], True, "ada", "", str(asked.lake))
    _named(asked, "Zoe")
    _refused(asked)
    _named(asked, "Eve")
    assert asked.export().loaded == ALL
    _named(asked, "Ada")
    assert asked.rows("ops/approvals")[0]["decision"] == "approved"
    _refused(asked)
    _named(asked, "Eve")
    assert asked.export().loaded == 0


@pytest.mark.slow
def test_a_decision_is_not_about_the_same_data_at_a_later_time(asked: Shop) -> None:
    for name in ("Eve", "Ada"):
        _named(asked, name)
        decide(make_send_plan("thanks", WINDOW)[0], True, "ada", "", str(asked.lake))
        asked.export()
    _named(asked, "Eve")
    _refused(asked)


@pytest.mark.slow
def test_it_holds_when_the_approved_export_failed_and_is_tried_again(
    asked: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(make_send_plan("thanks", WINDOW)[0], True, "ada", "", str(asked.lake))
    with monkeypatch.context() as broken:
        broken.setattr(Outbox, "deliver", lambda self, batch: (_ for _ in ()).throw(OSError("disk")))
        with pytest.raises(Exception, match="export of campaign thanks"):
            asked.export()
    assert asked.export().loaded == ALL
    assert [row["status"] for row in asked.receipts()] == ["success", "failed", "success"]


@pytest.mark.slow
def test_who_refused_is_removed_all_the_same_and_an_approval_still_holds(asked: Shop) -> None:
    asked.suppress("c7@example.com")
    refused = _refused(asked)
    assert asked.actions(asked.receipts()[-1]["export_id"]) == {"c7": "removed"}
    assert main(["exports", "approve", refused.export_id, "--reason", "new names"]) == 0
    assert asked.export().loaded == ALL - 1


def test_there_is_nothing_to_approve(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811 - the fixture
    with pytest.raises(NoPlanError, match="lakehouse plan CAMPAIGN"):
        planned_export(shop.home / "outbox", "thanks-00001-0123456789ab")
    plan, _ = make_send_plan("thanks", WINDOW)
    assert main(["exports", "approve", plan.export_id, "--reason", "x"]) == 0
    assert "needs no approval" in capsys.readouterr().out
    assert asked_rows(shop) == []


def asked_rows(shop: Shop) -> list[dict[str, Any]]:  # noqa: F811 - the fixture
    return shop.rows("ops/approvals")


@pytest.mark.slow
def test_guards_are_declared_by_campaign(asked: Shop) -> None:
    asked.declare(guards={"resent_share": None})
    assert asked.export().loaded == ALL


@pytest.mark.slow
def test_the_plan_names_what_has_to_be_approved(asked: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "thanks"]) == 0
    shown = capsys.readouterr().out
    assert "a person has to approve it: 120 of the 120 customers at outbox would be sent again" in shown
    assert f"lakehouse exports approve {make_send_plan('thanks', WINDOW)[0].export_id} --reason TEXT" in shown


@pytest.mark.slow
def test_fields_that_would_be_emptied_ask(asked: Shop) -> None:
    """What the destination has of them is known by the hashes of what it acknowledged."""
    with account_at(asked, "braze"):
        asked.export()
        rows = [customer(f"c{at}", first_name="Eve", total_spend=None if at < 110 else 12) for at in range(ALL)]
        asked.customers(*rows)
        asked.declare(platform="mails", guards={"resent_share": None})
        assert str(_refused(asked).what).endswith(
            "of the 120 customers at mails these fields would be emptied: total_spend of 110 (92 %)"
        )
