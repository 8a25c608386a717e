"""What the consent firewall said about one customer: its own SQL, over the tables as they were at the export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lakehouse.activation.consent.firewall import (
    PLATFORM_REFUSALS,
    SUPPRESSIONS,
    normal_address,
    normal_address_sql,
    reason_sql,
)
from lakehouse.activation.consent.late_refusals import CONSENTS, CONTACTS, READ, load_refusals
from lakehouse.activation.consent.suppression_reasons import meaning_of
from lakehouse.activation.why.facts import Refusal
from lakehouse.activation.why.past_lake import PastLake, Row
from lakehouse.storage.duckdb_views import Snapshot
from lakehouse.tables import gold

MEMBERS, PROFILES = gold("segment_members"), gold("dim_customers")
_SUPPRESSED = f"""
    select reason, suppressed_at from gold.suppressions where {normal_address_sql("address")} = $address
"""  # noqa: S608 - constants only
_ON_PLATFORMS = f"""
    select customer_id, {normal_address_sql("address")} as address, platform, reason, seen_at
    from ops.platform_refusals
    where customer_id = $customer_id or {normal_address_sql("address")} = $address
    order by seen_at
"""  # noqa: S608 - constants only
# Of several members with one address the first is written to.
_EARLIER = f"""
    select customer_id, {normal_address_sql("email")} as address, is_mailable
    from gold.dim_customers
    where
        {normal_address_sql("email")} = $address
        and customer_id < $customer_id
        and customer_id in (select customer_id from gold.segment_members where segment = $segment)
"""  # noqa: S608 - constants only


def refusal(
    customer_id: str,
    profile: Row | None,
    manifest: Mapping[str, Any],
    past: PastLake,
    held_out: Callable[[list[str]], set[str]],
) -> Refusal | None:
    """Why the member must not be written to; None when nothing speaks against it, or when that cannot be read any more.

    `held_out` says who of some customers is in the control group.
    """
    if not past.has(PROFILES, MEMBERS, SUPPRESSIONS):
        return None
    address = normal_address(profile["email"]) if profile else None
    person = {"customer_id": customer_id, "address": address}
    suppressed = past.rows(_SUPPRESSED, {"address": address}, SUPPRESSIONS)
    on_platforms = past.rows(_ON_PLATFORMS, person, PLATFORM_REFUSALS)
    _load_firewall(address if suppressed else None, on_platforms, manifest, past)
    earlier = past.rows(_EARLIER, person | {"segment": manifest["segment"]}, PROFILES, MEMBERS)
    reasons = _judged([person | {"is_mailable": profile["is_mailable"] if profile else None}, *earlier], past)
    reason = reasons.pop(customer_id)
    if reason == "suppressed":
        (row, *_) = suppressed
        return Refusal(reason, meaning_of(reason), row["reason"], row["suppressed_at"])
    if reason == "refused_on_platform":
        (row, *_) = on_platforms
        return Refusal(reason, meaning_of(reason), f"{row['platform']}: {row['reason']}", row["seen_at"])
    if reason is not None:
        return Refusal(reason, meaning_of(reason))
    allowed = [other for other, why in reasons.items() if why is None]
    taken = sorted(set(allowed) - held_out(allowed)) if allowed else []
    return Refusal("shared_address", meaning_of("shared_address"), f"customer {taken[0]}") if taken else None


def _load_firewall(
    suppressed: str | None, on_platforms: list[Row], manifest: Mapping[str, Any], past: PastLake
) -> None:
    """The tables that `reason_sql` asks, as far as this customer is in them."""
    run = past.connection.execute
    run("create table ledger as select unnest([$address]::varchar[]) as address", {"address": suppressed})
    run("create table refused_on_platform (customer_id varchar, address varchar)")
    for row in on_platforms:
        run("insert into refused_on_platform values (?, ?)", [row["customer_id"], row["address"]])
    # The firewall reads silver only where it is newer than gold; that it read the contacts tells that it did.
    known = manifest["consents_known_to_gold"]["version"]
    is_newer = past.versions.get(CONSENTS) != known or str(CONTACTS) in manifest["table_versions"]
    opened = past.snapshot(*READ) if is_newer else Snapshot(past.connection, {})
    load_refusals(opened, known, past.lake)


def _judged(people: list[Row], past: PastLake) -> dict[str, str | None]:
    """customer_id -> the firewall's reason, in the words of its own SQL."""
    run = past.connection.execute
    run("create table asked (customer_id varchar, address varchar, is_mailable boolean)")
    for person in people:
        run("insert into asked values ($customer_id, $address, $is_mailable)", person)
    database = Snapshot(past.connection, {}).database
    return dict(run(f"select customer_id, {reason_sql(database)} from asked").fetchall())  # noqa: S608 - SQL of the firewall
