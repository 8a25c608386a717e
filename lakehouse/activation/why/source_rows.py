"""The rows of silver about one customer as they were, each with the delivered row that it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from lakehouse.activation.consent.late_refusals import CONSENTS, CONTACTS, HOLDS, IDENTITIES, OF_CONTACTS
from lakehouse.activation.why.facts import Refusal, SourceRow
from lakehouse.activation.why.past_lake import PastLake, Row
from lakehouse.contracts import BRONZE_LINEAGE
from lakehouse.tables import TableRef, bronze, is_table_name

_IDENTITIES = "select * from silver.identities where customer_id = $customer_id order by identifier_type, identifier"
_CONTACTS = "select * from silver.contacts where contact_id in (select unnest($contacts)) order by contact_id"
_FORMER = """
    select identifier_type, identifier
    from silver.contact_identifiers
    where contact_id in (select unnest($contacts))
"""
_CONSENTS = """
    select *
    from silver.consents
    where
        channel = 'email'
        and (
            (reference_type = 'email' and lower(trim(customer_reference)) in (select unnest($email)))
            or (reference_type = 'loyalty_id' and customer_reference in (select unnest($loyalty_id)))
            or (reference_type = 'crm_id' and ltrim(customer_reference, '0') in (select unnest($unpadded)))
        )
    order by changed_at, status
"""
_HOLDS = """
    select *
    from silver.mail_holds
    where
        (identifier_type = 'email' and identifier in (select unnest($email)))
        or (identifier_type = 'loyalty_id' and identifier in (select unnest($loyalty_id)))
        or (identifier_type = 'crm_id' and identifier in (select unnest($crm_id)))
    order by held_since_at
"""
_RECEIVED = "select * from {table} where _source_file = $file and _row_number = $row_number limit 1"
_LINEAGE = frozenset(column.name for column in BRONZE_LINEAGE)
# Word of gold.suppressions -> status of the consent that it comes from.
_STATUS_OF = {"unsubscribed": ("withdrawn", "complained"), "complained": ("complained",), "bounced": ("bounced",)}
_REFUSED = ("withdrawn", "complained", "bounced")


def source_rows(customer_id: str, address: str | None, refused: Refusal | None, past: PastLake) -> list[SourceRow]:
    """Identities, contacts, consents for e-mail and rejected rows of a customer, as far as they can be read.

    Args:
        customer_id: the customer.
        address: where the mail would go, in its normal form.
        refused: why nobody may write to the customer; the rows that say so are marked.
        past: the lake at the export.
    """
    identities = past.rows(_IDENTITIES, {"customer_id": customer_id}, IDENTITIES)
    contacts = [row["identifier"] for row in identities if row["identifier_type"] == "crm_id"]
    former = past.rows(_FORMER, {"contacts": contacts}, OF_CONTACTS) if contacts else []
    known = _identifiers([*identities, *former], address)
    version = past.versions
    found = [
        SourceRow(str(IDENTITIES), version[IDENTITIES], f"{row['identifier_type']} ({row['rule']})", False, row)
        for row in identities
    ]
    found += _with_lineage(CONTACTS, past.rows(_CONTACTS, {"contacts": contacts}, CONTACTS), past, _contact, refused)
    wanted = {name: known[name] for name in ("email", "loyalty_id")}
    unpadded = [identifier.lstrip("0") for identifier in known["crm_id"]]
    said = past.rows(_CONSENTS, wanted | {"unpadded": unpadded}, CONSENTS)
    found += _with_lineage(CONSENTS, said, past, _consent, refused)
    holds = past.rows(_HOLDS, known, HOLDS)
    found += [
        SourceRow(
            str(HOLDS),
            version[HOLDS],
            f"rejected row: {row['reason']}",
            _is_hold_decisive(row, refused),
            row,
            None,
            row["_source_file"],
            row["_row_number"],
            row["held_since_at"],
        )
        for row in holds
    ]
    return found


def _with_lineage(
    table: TableRef,
    rows: Iterable[Row],
    past: PastLake,
    told: Callable[[Row, Refusal | None], tuple[str, bool]],
    refused: Refusal | None,
) -> list[SourceRow]:
    found = []
    for row in rows:
        says, is_decisive = told(row, refused)
        source, file, number = row["_source"], row["_source_file"], row["_row_number"]
        received = _received(table, source, file, number, past)
        loaded_at: datetime | None = row["_ingested_at"]
        found.append(
            SourceRow(
                str(table), past.versions[table], says, is_decisive, row, source, file, number, loaded_at, received
            )
        )
    return found


def _received(table: TableRef, source: str, file: str, number: int, past: PastLake) -> Mapping[str, Any] | None:
    """The row of bronze, without its lineage and what was empty; None when bronze does not have it."""
    if not is_table_name(f"{source}_{table.name}"):
        return None
    delivered = bronze(source, table.name)
    if not past.has_newest(delivered):
        return None
    rows = past.rows(_RECEIVED.format(table=delivered), {"file": file, "row_number": number}, delivered)
    if not rows:
        return None
    return {name: value for name, value in rows[0].items() if name not in _LINEAGE and value is not None}


def _identifiers(rows: Iterable[Row], address: str | None) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {"crm_id": set(), "email": {address} if address else set(), "loyalty_id": set()}
    for row in rows:
        if row["identifier_type"] in found:
            found[row["identifier_type"]].add(row["identifier"])
    return {name: sorted(identifiers) for name, identifiers in found.items()}


def _contact(row: Row, refused: Refusal | None) -> tuple[str, bool]:
    """A contact is the reason where it was deleted, or where its address is not valid."""
    says = "contact, deleted at its source" if row["_is_deleted"] else "contact"
    by_word = {"deleted_contact": row["_is_deleted"], "invalid_address": row["email_normalised"] is None}
    return says, bool(refused and by_word.get(refused.said or refused.reason))


def _consent(row: Row, refused: Refusal | None) -> tuple[str, bool]:
    status, at = row["status"], row["changed_at"]
    says = f"{row['channel']} {row['purpose']} {status} at {at:%Y-%m-%d %H:%M:%S} UTC"
    if refused is None or status not in _REFUSED:
        return says, False
    if refused.reason == "refused_since_gold":
        return says, True
    until = row.get("changed_until") or at
    return says, status in _STATUS_OF.get(refused.said or "", ()) and until == refused.said_at


def _is_hold_decisive(row: Row, refused: Refusal | None) -> bool:
    return refused is not None and (refused.reason == "refused_since_gold" or refused.said == row["reason"])
