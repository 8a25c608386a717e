"""Late refusals: those that entered silver.consents after gold was built, so that gold.suppressions cannot have them.

A grant that entered since then has no effect until gold is built with it.
"""

from __future__ import annotations

from datetime import datetime

from deltalake.exceptions import DeltaError

from lakehouse.storage.duckdb_views import Snapshot
from lakehouse.storage.progress import GOLD_BUILT, GOLD_STARTED, newest_inputs
from lakehouse.storage.table import Table
from lakehouse.tables import silver

CONSENTS, IDENTITIES = silver("consents"), silver("identities")
CONTACTS, OF_CONTACTS = silver("contacts"), silver("contact_identifiers")
READ = (CONSENTS, IDENTITIES, CONTACTS, OF_CONTACTS)

_REFERENCE = """
    case when reference_type = 'email' then lower(trim(customer_reference)) else customer_reference end as reference
"""
_IS_MARKETING = "channel = 'email' and purpose = 'marketing'"
# Every refusal after the mark, also one that was followed by a grant.
_REFUSALS_AFTER_MARK = f"""
    create table refusals as
    select distinct reference_type, {_REFERENCE}
    from silver.consents
    where {_IS_MARKETING} and status <> 'granted' and _updated_at > ?
"""  # noqa: S608 - constants only
# Without a mark: references whose newest status is a refusal. As in gold, a grant that a later dump left out does not
# count.
_NEWEST_IS_REFUSAL = f"""
    create table refusals as
    with changes as (
        select reference_type, {_REFERENCE}, status, changed_at
        from silver.consents
        where {_IS_MARKETING} and (status <> 'granted' or not _is_deleted)
    )

    select reference_type, reference
    from changes
    group by reference_type, reference
    having
        max(changed_at) filter (status <> 'granted')
        >= coalesce(max(changed_at) filter (status = 'granted'), timestamptz '-infinity')
"""  # noqa: S608 - constants only
_CUSTOMERS = """
    create table refused_customers as
    select distinct identities.customer_id
    from silver.identities as identities
    inner join refusals
        on identities.identifier_type = refusals.reference_type and identities.identifier = refusals.reference
"""
# A refusal by a former identifier counts for everybody who had it, as in gold.
_CUSTOMERS_WHO_HAD_IT = """
    insert into refused_customers
    select distinct identities.customer_id
    from silver.contact_identifiers as had
    inner join refusals on had.identifier_type = refusals.reference_type and had.identifier = refusals.reference
    inner join silver.identities as identities
        on identities.identifier_type = 'crm_id' and identities.identifier = had.contact_id
"""
# All addresses of the person as well: if identities were merged since gold was built, gold has another id for the
# person.
_ADDRESSES = """
    insert into refused_addresses
    select lower(trim(identifier))
    from silver.identities
    semi join refused_customers using (customer_id)
    where identifier_type = 'email'
"""
# Also the address of the contact, if too many contacts share it for it to be an identifier.
_ADDRESSES_OF_CONTACTS = """
    insert into refused_addresses
    select contacts.email_normalised
    from silver.contacts as contacts
    inner join silver.identities as identities
        on identities.identifier_type = 'crm_id' and identities.identifier = contacts.contact_id
    semi join refused_customers on refused_customers.customer_id = identities.customer_id
    where contacts.email_normalised is not null
"""


def consents_in_gold(lake: str) -> int | None:
    """Delta version of silver.consents that gold contains for certain; None when gold does not say.

    The older one of the last successful build and the build that started last: if they overlapped, either may have
    written last.
    """
    built, started = (newest_inputs(stage, lake)[1].get(str(CONSENTS)) for stage in (GOLD_BUILT, GOLD_STARTED))
    return None if built is None else min(built, built if started is None else started)


def load_refusals(snapshot: Snapshot, known: int | None, lake: str) -> None:
    """Create tables `refused_customers` and `refused_addresses`: who refused e-mail marketing after version `known` of
    silver.consents.

    Both are empty when the snapshot has no silver.consents: it is not opened when gold contains its newest version.
    """
    connection = snapshot.connection
    connection.execute("create table refused_addresses (address varchar)")
    if CONSENTS not in snapshot.versions:
        connection.execute("create table refused_customers (customer_id varchar)")
        return
    mark = _mark(known, snapshot.versions[CONSENTS], lake)
    if mark is None:
        connection.execute(_NEWEST_IS_REFUSAL)
    else:
        connection.execute(_REFUSALS_AFTER_MARK, [mark])
    connection.execute("insert into refused_addresses select reference from refusals where reference_type = 'email'")
    if IDENTITIES not in snapshot.versions:
        connection.execute("create table refused_customers (customer_id varchar)")
        return
    connection.execute(_CUSTOMERS)
    if OF_CONTACTS in snapshot.versions:
        connection.execute(_CUSTOMERS_WHO_HAD_IT)
    connection.execute(_ADDRESSES)
    if CONTACTS in snapshot.versions:
        connection.execute(_ADDRESSES_OF_CONTACTS)


def _mark(known: int | None, current: int, lake: str) -> datetime | None:
    """The newest `_updated_at` in version `known`, which later commits exceed; None when that version cannot be read
    (any more)."""
    if known is None or not 0 <= known <= current:
        return None
    try:
        return Table(CONSENTS, lake, pinned=known).latest_time("_updated_at")
    except (DeltaError, OSError):
        return None
