"""What `lakehouse why` answers about each kind of customer, in each of several exports."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lakehouse.activation import export as exporting
from lakehouse.activation.destinations import Batch, BatchReceipt, Outbox
from lakehouse.activation.export import remove_refused
from lakehouse.activation.why.ask import why
from lakehouse.activation.why.exports_of import UnknownExportError
from lakehouse.activation.why.facts import Answer, SourceRow
from lakehouse.activation.why.people import UnknownCustomerError, customer_by_address
from lakehouse.cli.why import why as command
from lakehouse.contracts import IDENTITIES, arrow_schema
from lakehouse.errors import TerminalError
from lakehouse.storage.ops_tables import record
from lakehouse.window import BatchWindow
from tests.activation.conftest import AS_OF, Shop, customer
from tests.activation.why.conftest import (
    CHANGED,
    GONE,
    HELD_OUT,
    REFUSED,
    SAME,
    WITHDRAWN,
    History,
    T,
    consent,
    write,
    write_consents,
)

LATER = WITHDRAWN + timedelta(days=1)


def _payload(customer_id: str, spend: float) -> str:
    return (
        f'{{"attributes":{{"first_name":"Ada","total_spend":{spend:.2f}}},"customer_id":"{customer_id}",'
        f'"email":"{customer_id}@example.com"}}'
    )


def _rows(answer: Answer, table: str) -> list[SourceRow]:
    return [one for one in answer.sources if one.table == table]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("who", "verdicts"),
    [
        (CHANGED, ["sent", "sent", "unchanged"]),
        (SAME, ["sent", "unchanged", "unchanged"]),
        (GONE, ["sent", "removed", "suppressed"]),
        (HELD_OUT, ["held_out", "held_out", "held_out"]),
        (REFUSED, ["rejected", "dead_letter", "dead_letter"]),
    ],
)
def test_verdict_in_each_export(history: History, who: str, verdicts: list[str]) -> None:
    assert [history.why(who, export).verdict for export in range(3)] == verdicts
    assert history.why(who).export.export_id == history.exports[2]


def test_what_was_sent_is_built_again_and_proved(history: History) -> None:
    first, second, third = (history.why(CHANGED, export) for export in range(3))
    assert [one.payload.text for one in (first, second)] == [_payload(CHANGED, 12.30), _payload(CHANGED, 99)]
    assert all(one.payload.is_proved for one in (first, second, third))
    assert first.delivery and first.delivery.action == "added" and first.last_sent is None
    assert second.delivery and second.delivery.action == "changed"
    assert second.last_sent and second.last_sent.export_id == history.exports[0]
    assert second.delivery.reference and second.delivery.reference.startswith("batches/")
    assert third.delivery is None and third.last_sent == second.delivery
    assert second.said.startswith("Sent: outbox accepted the customer (changed) at ")
    assert (first.profile_version, second.profile_version) == (1, 2)
    assert [str(one.profile and one.profile["total_spend"]) for one in (first, second)] == ["12.30", "99.00"]


@pytest.mark.slow
def test_refusal_names_the_row_that_said_so(history: History) -> None:
    before, after = history.why(GONE, 0), history.why(GONE, 1)
    assert before.refusal is None and [one.is_decisive for one in before.sources] == [False] * len(before.sources)
    assert [one.says for one in _rows(before, "silver.consents")] == [
        "email marketing granted at 2017-12-01 00:00:00 UTC"
    ]
    assert after.refusal and (after.refusal.reason, after.refusal.said) == ("suppressed", "unsubscribed")
    assert after.said.endswith(" UTC: unsubscribed since 2017-12-21 00:00:00 UTC (suppressed).")
    (decisive,) = [one for one in after.sources if one.is_decisive]
    assert (decisive.table, decisive.version, decisive.source) == ("silver.consents", 1, "crm")
    assert (decisive.file, decisive.row_number) == ("consents.csv@bbbbbbbbbbbb", 7)
    assert decisive.loaded_at == WITHDRAWN + timedelta(hours=1)
    assert decisive.received == {"id": f"k-{GONE}", "state": "withdrawn"}


@pytest.mark.slow
def test_source_rows_of_a_customer_and_of_nobody_else(history: History) -> None:
    found = history.why(SAME).sources
    assert [(one.table, one.values.get("identifier") or one.values.get("contact_id")) for one in found[:3]] == [
        ("silver.identities", f"k-{SAME}"),
        ("silver.identities", f"{SAME}@example.com"),
        ("silver.contacts", f"k-{SAME}"),
    ]
    assert [one.table for one in found[3:]] == ["silver.consents"]
    assert found[2].file == "contacts.csv@0123456789ab" and found[2].received is None  # bronze does not have it


@pytest.mark.slow
def test_held_out_since_the_first_export(history: History) -> None:
    answer = history.why(HELD_OUT)
    assert answer.draw and answer.draw.is_held_out and answer.draw.family == "thanks"
    assert answer.said.startswith("Not written to: held out, in the control group of thanks since ")
    assert history.why(SAME).draw == replace(answer.draw, is_held_out=False, drawn_at=answer.draw.drawn_at)


@pytest.mark.slow
def test_rejection_in_the_platform_words(history: History) -> None:
    answer = history.why(REFUSED, 0)
    assert answer.said == "Rejected by outbox: mailbox unknown; it is not sent again until the payload changes."
    assert answer.payload.is_proved and answer.delivery and answer.delivery.at is None
    later = history.why(REFUSED).said
    assert later.startswith("Not sent again: outbox refused the same payload for good in export thanks-00001-")
    assert later.endswith(": mailbox unknown.")


@pytest.mark.slow
def test_refusal_that_came_after_gold_was_built(history: History) -> None:
    write_consents(history.shop, consent(SAME, "withdrawn", LATER, "late.csv@cccccccccccc", 3))
    history.shop.export()
    answer = history.why(SAME)
    assert answer.verdict == "removed" and answer.refusal and answer.refusal.reason == "refused_since_gold"
    assert [one.file for one in answer.sources if one.is_decisive] == ["late.csv@cccccccccccc"]
    assert history.why(SAME, 2).verdict == "unchanged"


@pytest.mark.slow
def test_refusal_at_a_platform(history: History) -> None:
    said = {"platform": "mails", "customer_id": SAME, "address": None, "reason": "suppressed there", "seen_at": T}
    record("platform_refusals", [said], str(history.shop.lake))
    history.shop.export()
    answer = history.why(SAME)
    assert answer.refusal and answer.refusal.reason == "refused_on_platform"
    assert (answer.refusal.said, answer.refusal.said_at) == ("mails: suppressed there", T)


@pytest.mark.slow
def test_refusal_between_plan_and_batch(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest lets the customer pass, and the receipt counts one who was stopped since."""

    def late(*given: Any) -> None:
        write_consents(history.shop, consent("c999", "withdrawn", LATER, "late.csv@cccccccccccc", 3))
        sent(*given)

    sent = exporting.send
    shop = history.shop
    people = [customer(name) for name in (CHANGED, "c999")]
    shop.customers(*people)
    shop.declare(allow_empty_audience=True, fields=["first_name"])
    identities = [{"identifier_type": "crm_id", "identifier": "k-c999", "customer_id": "c999"}]
    write(shop, "silver/identities", arrow_schema(IDENTITIES.columns), *identities, mode="append")
    monkeypatch.setattr(exporting, "send", late)
    shop.export()
    answer = history.why("c999")
    assert answer.verdict == "suppressed" and answer.refusal is None
    assert "suppressed after the plan was made" in answer.said


def test_one_mail_per_mailbox(shop: Shop) -> None:
    shop.customers(customer("c1", email="same@example.com"), customer("c2", email=" SAME@example.com"))
    shop.export()
    history = History(shop)
    assert history.why("c1").verdict == "sent"
    answer = history.why("c2")
    assert answer.refusal and (answer.refusal.reason, answer.refusal.said) == ("shared_address", "customer c1")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"email": None}, "no_address"),
        ({"email": "at home"}, "invalid_address"),
        ({"is_mailable": None}, "unknown_consent"),
        ({"is_mailable": False}, "not_mailable"),
    ],
)
def test_what_the_profile_says_against_it(shop: Shop, values: dict[str, Any], reason: str) -> None:
    shop.customers(customer("c1", **values))
    shop.export()
    answer = History(shop).why("c1")
    assert answer.verdict == "suppressed" and answer.refusal and answer.refusal.reason == reason


def test_who_is_in_no_segment(shop: Shop) -> None:
    shop.customers(customer("c1"), customer("c2"), members=["c1"])
    shop.export()
    answer = History(shop).why("c2")
    assert (answer.verdict, answer.said) == ("not_in_segment", "Not written to: not in segment loyal_champions.")


def test_condition_of_that_time_is_told_when_the_segment_has_changed(shop: Shop) -> None:
    def declare(where: str) -> None:
        segment = {"buyers": {"description": "Who spends.", "where": where}}
        (shop.conf / "segments.yml").write_text(json.dumps({"segments": segment}))

    declare("total_spend > 10")
    shop.declare(segment="buyers")
    shop.customers(customer("c1"), segment="buyers")
    shop.export()
    history = History(shop)
    assert history.why("c1").segment.is_same_today
    declare("total_spend > 20")
    found = history.why("c1").segment
    assert (found.condition, found.is_same_today) == ("total_spend > 10", False)


@pytest.mark.slow
def test_versions_that_are_gone_are_said(history: History) -> None:
    """The record of what was sent outlives the tables that it was made from."""
    table = history.shop.lake / "gold/dim_customers"
    for file in table.glob("*.parquet"):
        file.unlink()
    answer = history.why(CHANGED, 1)
    assert answer.verdict == "sent" and not answer.payload.is_proved and answer.payload.text is None
    assert answer.payload.remark == "cannot be proved: version 2 of gold.dim_customers cannot be read any more"
    assert answer.unreadable == ["gold.dim_customers version 2"]
    shutil.rmtree(table)
    assert history.why(CHANGED, 1).unreadable == ["gold.dim_customers version 2"]
    assert history.why(SAME, 1).verdict == "unreadable"


def test_export_that_a_kill_ended(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def kill(self: Outbox, batch: Batch) -> BatchReceipt:
        raise Killed

    monkeypatch.setattr(Outbox, "deliver", kill)
    with pytest.raises(Killed):
        shop.export()
    answer = History(shop).why("c1")
    assert (answer.verdict, answer.export.status, answer.export.finished_at) == ("unknown", "unfinished", None)
    assert answer.said.startswith("Perhaps sent: a delivery was begun at ")


@pytest.mark.slow
def test_export_that_only_removed_is_not_the_newest_that_asked(history: History) -> None:
    shop = history.shop
    write_consents(shop, consent(SAME, "withdrawn", LATER, "late.csv@cccccccccccc", 3))
    remove_refused("thanks", BatchWindow(AS_OF, AS_OF, "test", AS_OF))
    assert len(history.exports) == 4
    assert history.why(SAME).verdict == "removed" and history.why(SAME).export.is_removals_only
    assert history.why(CHANGED).export.export_id == history.exports[2]
    assert history.why(CHANGED, 3).verdict == "not_asked"


@pytest.mark.slow
def test_who_and_what_is_unknown(history: History) -> None:
    lake, outbox = str(history.shop.lake), history.shop.home / "outbox"
    with pytest.raises(UnknownCustomerError, match="customer 'nobody' is in no table that campaign thanks"):
        history.why("nobody")
    with pytest.raises(UnknownExportError, match=r"there is no campaign 'other'\. Campaigns: thanks"):
        why(SAME, "other", lake, outbox)
    with pytest.raises(UnknownExportError, match="campaign thanks has no export 'thanks-9'"):
        why(SAME, "thanks", lake, outbox, "thanks-9")
    with pytest.raises(UnknownExportError, match="campaign thanks was never exported to mails"):
        history.why(SAME, platform="mails")
    manifest = Path(history.why(SAME).export.files) / "manifest.json"
    manifest.unlink()
    with pytest.raises(TerminalError, match=r"the manifest of export .* is gone"):
        history.why(SAME)


@pytest.mark.slow
def test_by_address(history: History) -> None:
    lake = str(history.shop.lake)
    assert customer_by_address(f" {SAME.upper()}@Example.com", lake) == SAME
    with pytest.raises(UnknownCustomerError, match="nobody has that address") as unknown:
        customer_by_address("ada@example.com", lake)
    assert "ada@" not in str(unknown.value)
    history.shop.customers(customer("c1", email="same@example.com"), customer("c2", email="same@example.com"))
    with pytest.raises(UnknownCustomerError, match=r"2 customers .* one of c1, c2"):
        customer_by_address("same@example.com", lake)


@pytest.mark.slow
def test_command_prints_it_for_people_and_programs(history: History) -> None:
    def run(*options: str) -> str:
        result = CliRunner().invoke(command, [*options], catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    shown = run(f"{GONE}@example.com", "thanks", "--email", "--export", history.exports[1])
    assert "Removed from outbox" in shown and "consents.csv@bbbbbbbbbbbb" in shown
    assert f'{{"id":"k-{GONE}","state":"withdrawn"}}' in shown
    assert _payload(CHANGED, 99) in run(CHANGED, "thanks")
    told = json.loads(run(CHANGED, "thanks", "--json"))
    assert (told["verdict"], told["payload"]["is_proved"]) == ("unchanged", True)
