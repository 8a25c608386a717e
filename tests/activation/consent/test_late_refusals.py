"""What entered silver.consents after gold was built: a refusal counts at once, a grant has no effect."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.activation.consent.firewall import Firewall, Person
from lakehouse.activation.destinations import Batch, BatchReceipt
from lakehouse.activation.destinations.outbox import Outbox
from lakehouse.activation.export import REMOVALS_ONLY, remove_refused
from lakehouse.config.settings import settings
from lakehouse.contracts import CONTACT_IDENTIFIERS, DATASETS, IDENTITIES, LINEAGE, MAIL_HOLDS, arrow_schema
from lakehouse.storage.ops_tables import record
from lakehouse.window import BatchWindow
from tests.activation.conftest import AS_OF, Shop, assert_balanced, customer

START = datetime(2018, 1, 1, tzinfo=UTC)
_SCHEMA = arrow_schema((*DATASETS["consents"].columns, *LINEAGE))
PEOPLE = [
    ("crm_id", "1001", "c1"),
    ("email", "c1@example.com", "c1"),
    ("loyalty_id", "L2", "c2"),
    ("email", "c2@example.com", "c2"),
]


def _hours(count: float) -> datetime:
    return START + timedelta(hours=count)


def _consents(shop: Shop, updated_at: datetime, *changes: tuple[str, str, str, datetime], **values: Any) -> None:
    """Append changes (reference type, reference, status, changed_at) to silver.consents in one commit."""
    plain = {"channel": "email", "purpose": "marketing", "_is_deleted": False, "_updated_at": updated_at}
    plain |= {"_source": "crm", "_ingested_at": datetime.now(UTC)} | values
    rows = [
        plain | {"reference_type": kind, "customer_reference": reference, "status": status, "changed_at": at}
        for kind, reference, status, at in changes
    ]
    write_deltalake(str(shop.lake / "silver/consents"), pa.Table.from_pylist(rows, schema=_SCHEMA), mode="append")


def _identities(shop: Shop, *rows: tuple[str, str, str]) -> None:
    named = [
        {"identifier_type": kind, "identifier": identifier, "customer_id": customer_id}
        for kind, identifier, customer_id in rows
    ]
    write_deltalake(
        str(shop.lake / "silver/identities"),
        pa.Table.from_pylist(named, schema=arrow_schema(IDENTITIES.columns)),
        mode="overwrite",
    )


def _gold_knows(shop: Shop, version: int, stage: str = "gold") -> None:
    """Note that gold was built from that version of silver.consents (and from an as-of time, which is no table)."""
    common = {"stage": stage, "run_id": "r", "recorded_at": datetime.now(UTC)}
    inputs = {"silver.consents": version, "as_of": int(AS_OF.timestamp())}
    record(
        "progress",
        [common | {"input_table": name, "input_version": value} for name, value in inputs.items()],
        str(shop.lake),
    )


@pytest.fixture
def built(shop: Shop) -> Shop:
    """Gold was built when c1 and c2 had granted: c1 by CRM id, c2 by loyalty card; c1 had withdrawn and granted
    before."""
    _identities(shop, *PEOPLE)
    old = [
        ("crm_id", "1001", "withdrawn", _hours(0)),
        ("crm_id", "1001", "granted", _hours(1)),
        ("loyalty_id", "L2", "granted", _hours(1)),
    ]
    _consents(shop, _hours(2), *old)
    _gold_knows(shop, 0)
    return shop


def _stopped(*people: tuple[str, str]) -> dict[str, str]:
    with Firewall(settings().lake) as firewall:
        return firewall.reasons([Person(customer_id, address, True) for customer_id, address in people])


def test_edition_grows_with_every_change_of_what_is_known(built: Shop) -> None:
    """Who passed in an edition need not be asked about again until the next."""
    with Firewall(settings().lake) as firewall:
        first = firewall.edition()
        assert firewall.edition() == first
        _consents(built, _hours(5), ("crm_id", "1001", "withdrawn", _hours(4)))
        second = firewall.edition()
        assert second > first and firewall.edition() == second
        assert firewall.reasons([Person("c1", "c1@example.com", True)]) == {"c1": "refused_since_gold"}
        built.suppress("c2@example.com")
        assert firewall.edition() > second


BOTH = (("c1", "c1@example.com"), ("c2", "c2@example.com"))


def test_gold_that_knows_everything_has_the_last_word(built: Shop) -> None:
    assert _stopped(*BOTH) == {}


@pytest.mark.parametrize(
    ("kind", "reference", "who"),
    [
        ("crm_id", "1001", "c1"),
        ("loyalty_id", "L2", "c2"),
        ("email", "c2@example.com", "c2"),
        ("email", " C2@Example.com", "c2"),
    ],
)
@pytest.mark.parametrize("status", ["withdrawn", "complained", "bounced"])
def test_later_refusal_stops_the_person(built: Shop, kind: str, reference: str, who: str, status: str) -> None:
    _consents(built, _hours(5), (kind, reference, status, _hours(4)))
    assert _stopped(*BOTH) == {who: "refused_since_gold"}


@pytest.mark.parametrize("status", ["withdrawn", "complained", "bounced"])
def test_a_rebuild_of_silver_writes_no_refusal_anew(built: Shop, status: str) -> None:
    """Both withdrew once and granted since; `lakehouse run --full` beside the export dates every row anew."""
    refused = [("crm_id", "1001", status, _hours(0)), ("loyalty_id", "L2", status, _hours(0))]
    _consents(built, _hours(2), *refused)
    _gold_knows(built, 1)
    table = DeltaTable(str(built.lake / "silver/consents"))
    rows = table.to_pyarrow_table().to_pylist()
    renewed = pa.Table.from_pylist([row | {"_updated_at": _hours(9)} for row in rows], schema=_SCHEMA)
    write_deltalake(table, renewed, mode="overwrite")
    assert _stopped(*BOTH) == {}
    _consents(built, _hours(10), ("loyalty_id", "L2", status, _hours(3)))
    assert _stopped(*BOTH) == {"c2": "refused_since_gold"}


def test_a_refusal_that_means_a_later_moment_now_is_news(built: Shop) -> None:
    """As in a delivery whose times were understood otherwise: gold has weighed an earlier one against the grant."""
    _consents(built, _hours(5), ("crm_id", "1001", "withdrawn", _hours(0)), changed_until=_hours(3))
    assert _stopped(*BOTH) == {"c1": "refused_since_gold"}


def test_address_that_no_identity_has_is_stopped(built: Shop) -> None:
    _consents(built, _hours(5), ("email", "new@example.com", "withdrawn", _hours(4)))
    assert _stopped(("c9", "new@example.com"), *BOTH) == {"c9": "refused_since_gold"}


def test_person_is_found_by_address_where_identities_were_merged(built: Shop) -> None:
    """Gold knows c2, who is c1 by now: a withdrawal of either stops both."""
    _identities(built, *[(kind, identifier, "c1") for kind, identifier, _ in PEOPLE])
    _consents(built, _hours(5), ("crm_id", "1001", "withdrawn", _hours(4)))
    assert set(_stopped(*BOTH)) == {"c1", "c2"}


def test_without_identities_addresses_are_stopped_still(built: Shop) -> None:
    shutil.rmtree(built.lake / "silver/identities")
    _consents(
        built,
        _hours(5),
        ("email", "c2@example.com", "withdrawn", _hours(4)),
        ("crm_id", "1001", "withdrawn", _hours(4)),
    )
    assert _stopped(*BOTH) == {"c2": "refused_since_gold"}


@pytest.mark.parametrize("values", [{"channel": "sms"}, {"purpose": "profiling"}])
def test_refusal_of_something_else_stops_nobody(built: Shop, values: dict[str, str]) -> None:
    _consents(built, _hours(5), ("crm_id", "1001", "withdrawn", _hours(4)), **values)
    assert _stopped(*BOTH) == {}


def test_later_grant_opens_nothing(built: Shop) -> None:
    built.suppress("c2@example.com")
    _consents(built, _hours(5), ("crm_id", "1001", "withdrawn", _hours(4)))
    _consents(
        built, _hours(7), ("crm_id", "1001", "granted", _hours(6)), ("email", "c2@example.com", "granted", _hours(6))
    )
    assert _stopped(*BOTH) == {"c1": "refused_since_gold", "c2": "suppressed"}
    with Firewall(settings().lake) as firewall:
        unknown = [Person("c2", "other@example.com", None), Person("c3", "c3@example.com", False)]
        assert firewall.reasons(unknown) == {"c2": "unknown_consent", "c3": "not_mailable"}


def test_commit_without_news_stops_nobody(built: Shop) -> None:
    """A compaction writes old rows into a new version."""
    table = DeltaTable(str(built.lake / "silver/consents"))
    write_deltalake(table, table.to_pyarrow_table(), mode="overwrite")
    assert _stopped(*BOTH) == {}


@pytest.mark.parametrize("loss", ["no note", "log", "files", "future"])
def test_when_gold_cannot_be_placed_the_newest_of_each_reference_counts(built: Shop, loss: str) -> None:
    """c1 granted after a withdrawal; c2 has withdrawn and granted in one moment, which is a refusal."""
    _consents(built, _hours(5), ("loyalty_id", "L2", "withdrawn", _hours(1)))
    if loss == "no note":
        shutil.rmtree(built.lake / "ops/progress")
    elif loss == "log":
        DeltaTable(str(built.lake / "silver/consents")).create_checkpoint()
        (built.lake / "silver/consents/_delta_log/00000000000000000000.json").unlink()
    elif loss == "files":
        table = DeltaTable(str(built.lake / "silver/consents"))
        rows = table.to_pyarrow_table().to_pylist()
        renewed = pa.Table.from_pylist([row | {"_updated_at": _hours(9)} for row in rows], schema=_SCHEMA)
        write_deltalake(table, renewed, mode="overwrite")
        for file in DeltaTable(str(built.lake / "silver/consents"), version=0).file_uris():
            Path(file).unlink()
    else:
        _gold_knows(built, 7)
    assert _stopped(*BOTH) == {"c2": "refused_since_gold"}


def test_build_that_began_from_an_older_version_may_have_written_last(built: Shop) -> None:
    _consents(built, _hours(5), ("crm_id", "1001", "withdrawn", _hours(4)))
    _gold_knows(built, 1)
    assert _stopped(*BOTH) == {}
    _gold_knows(built, 0, stage="gold.started")
    assert _stopped(*BOTH) == {"c1": "refused_since_gold"}


@pytest.mark.slow
def test_later_refusal_removes_from_the_platform_and_is_counted(built: Shop) -> None:
    built.export()
    _consents(built, _hours(5), ("crm_id", "1001", "withdrawn", _hours(4)))
    built.export()
    receipt = built.receipts()[1]
    assert built.actions(receipt["export_id"]) == {"c1": "removed"}
    assert (receipt["count_suppressed"], receipt["count_unchanged"]) == (1, 1)
    assert_balanced(receipt)
    folder = built.home / "outbox/outbox/thanks" / receipt["export_id"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["suppressed_by_reason"] == {"refused_since_gold": 1}
    assert manifest["consents_known_to_gold"] == {"table": "silver.consents", "version": 0}
    assert manifest["table_versions"]["silver.consents"] == 1
    assert built.export().loaded == 0


@pytest.mark.slow
def test_refusal_between_two_batches_is_honoured(built: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    built.export()
    built.customers(customer("c1", first_name="Bea"), customer("c2", first_name="Bea"))
    deliver = Outbox.deliver

    def refuse_after_first(self: Outbox, batch: Batch) -> BatchReceipt:
        if batch.ordinal == 0:
            _consents(built, _hours(5), ("loyalty_id", "L2", "complained", _hours(4)))
        return deliver(self, batch)

    monkeypatch.setattr(Outbox, "batch_size", 1)
    monkeypatch.setattr(Outbox, "deliver", refuse_after_first)
    built.export()
    receipt = built.receipts()[1]
    assert built.actions(receipt["export_id"]) == {"c1": "changed", "c2": "removed"}
    written = json.loads((built.home / "outbox/outbox/thanks" / receipt["export_id"] / "receipt.json").read_text())
    assert written["suppressed_by_reason"] == {"refused_since_gold": 1}


def _contacts(shop: Shop, *rows: tuple[str, str]) -> None:
    """silver.contacts (contact_id, address)."""
    named = [{"contact_id": contact_id, "email_normalised": address} for contact_id, address in rows]
    schema = arrow_schema((*DATASETS["contacts"].columns, *LINEAGE))
    write_deltalake(str(shop.lake / "silver/contacts"), pa.Table.from_pylist(named, schema=schema), mode="overwrite")


def test_refusal_at_a_former_address_stops_who_had_it_and_who_has_it(built: Shop) -> None:
    had = [{"contact_id": "1001", "identifier_type": "email", "identifier": "x@example.com"}]
    write_deltalake(
        str(built.lake / "silver/contact_identifiers"),
        pa.Table.from_pylist(had, schema=arrow_schema(CONTACT_IDENTIFIERS.columns)),
    )
    _consents(built, _hours(5), ("email", "x@example.com", "withdrawn", _hours(4)))
    assert _stopped(*BOTH, ("c3", "x@example.com")) == {"c1": "refused_since_gold", "c3": "refused_since_gold"}


def test_refusal_of_a_contact_stops_its_address_also_where_it_is_shared_too_widely_to_name_anybody(built: Shop) -> None:
    _contacts(built, ("1001", "kiosk@example.com"))
    _consents(built, _hours(5), ("crm_id", "1001", "complained", _hours(4)))
    assert _stopped(*BOTH, ("c3", "kiosk@example.com")) == {"c1": "refused_since_gold", "c3": "refused_since_gold"}


def test_bounce_and_complaint_count_whatever_the_purpose_a_withdrawal_for_its_own(built: Shop) -> None:
    changes = (("crm_id", "1001", status, _hours(4)) for status in ("bounced",))
    _consents(built, _hours(5), *changes, purpose="transactional")
    assert _stopped(*BOTH) == {"c1": "refused_since_gold"}


def test_withdrawal_from_another_purpose_stops_nobody(built: Shop) -> None:
    _consents(built, _hours(5), ("crm_id", "1001", "withdrawn", _hours(4)), purpose="transactional")
    assert _stopped(*BOTH) == {}


def test_reinstatement_is_no_refusal(built: Shop) -> None:
    _consents(built, _hours(5), ("crm_id", "1001", "reinstated", _hours(4)))
    assert _stopped(*BOTH) == {}


def _hold(shop: Shop, kind: str, identifier: str) -> None:
    """A rejected row that may be a refusal of this person."""
    row = {"_source_file": "f@1", "_row_number": 1, "identifier_type": kind, "identifier": identifier}
    held = row | {"reason": "possible_refusal", "held_since_at": START}
    table = pa.Table.from_pylist([held], schema=arrow_schema(MAIL_HOLDS.columns))
    write_deltalake(str(shop.lake / "silver/mail_holds"), table, mode="overwrite")


def test_a_rejected_row_that_may_be_a_refusal_stops_the_person(built: Shop) -> None:
    _hold(built, "crm_id", "1001")
    assert _stopped(*BOTH) == {"c1": "refused_since_gold"}


def test_a_rejected_row_in_which_nobody_is_recognised_stops_nobody(built: Shop) -> None:
    _hold(built, "unrecognised", "")
    assert _stopped(*BOTH) == {}


def test_removals_do_not_wait_for_the_gates(built: Shop) -> None:
    built.export()
    _hold(built, "crm_id", "1001")
    (outcome,) = remove_refused("thanks", BatchWindow(AS_OF, AS_OF, "test", AS_OF))
    assert (outcome.loaded, outcome.warnings[0]) == (1, REMOVALS_ONLY)
    assert built.actions(built.receipts()[-1]["export_id"]) == {"c1": "removed"}
    (outcome,) = remove_refused("thanks", BatchWindow(AS_OF, AS_OF, "test", AS_OF))
    assert outcome.skipped
