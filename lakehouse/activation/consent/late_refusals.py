"""Refusals that entered silver.consents after gold was built: gold.suppressions cannot know them, and they stop people
all the same.

A grant that entered since then opens nothing: it counts once gold has been built with it.
"""

from __future__ import annotations

from datetime import datetime

from deltalake.exceptions import DeltaError

from lakehouse.storage.duckdb_views import Snapshot
from lakehouse.storage.progress import GOLD_BUILT, GOLD_STARTED, newest_inputs
from lakehouse.storage.reader import latest_time
from lakehouse.tables import silver

CONSENTS, IDENTITIES = silver("consents"), silver("identities")
CONTACTS, OF_CONTACTS = silver("contacts"), silver("contact_identifiers")
READ = (CONSENTS, IDENTITIES, CONTACTS, OF_CONTACTS)

# Everything that says no since the mark, also where a grant followed.
_NEWER_THAN_MARK = """
    create table refusals as
    select distinct reference_type, case when reference_type = 'email' then lower(trim(customer_reference)) else customer_reference end as reference
    from silver.consents
    where channel = 'email' and purpose = 'marketing' and status <> 'granted' and _updated_at > ?
"""
# Without a mark: what decides for its reference now. Like gold, a grant that a later dump left out does not count.
_NEWEST_OF_REFERENCE = """
    create table refusals as
    with changes as (
        select
            reference_type,
            case when reference_type = 'email' then lower(trim(customer_reference)) else customer_reference end as reference,
            status,
            changed_at
        from silver.consents
        where channel = 'email' and purpose = 'marketing' and (status <> 'granted' or not _is_deleted)
    )

    select reference_type, reference
    from changes
    group by reference_type, reference
    having max(changed_at) filter (status <> 'granted') >= coalesce(max(changed_at) filter (status = 'granted'), timestamptz '-infinity')
"""
_PEOPLE = """
    create table refused_customers as
    select distinct identities.customer_id
    from silver.identities as identities
    inner join refusals on identities.identifier_type = refusals.reference_type and identities.identifier = refusals.reference
"""
# With a former identifier the refusal is taken for everybody who had it, as in gold.
_PEOPLE_WHO_HAD_IT = """
    insert into refused_customers
    select distinct identities.customer_id
    from silver.contact_identifiers as had
    inner join refusals on had.identifier_type = refusals.reference_type and had.identifier = refusals.reference
    inner join silver.identities as identities on identities.identifier_type = 'crm_id' and identities.identifier = had.contact_id
"""
# By all addresses of the person as well: where identities were merged since gold was built, gold knows the person by
# another id.
_ADDRESSES = """
    insert into refused_addresses
    select lower(trim(identifier)) from silver.identities semi join refused_customers using (customer_id) where identifier_type = 'email'
"""
# Also the address of the contact that is shared too widely to be anybody's identifier.
_ADDRESSES_OF_CONTACTS = """
    insert into refused_addresses
    select contacts.email_normalised
    from silver.contacts as contacts
    inner join silver.identities as identities on identities.identifier_type = 'crm_id' and identities.identifier = contacts.contact_id
    semi join refused_customers on refused_customers.customer_id = identities.customer_id
    where contacts.email_normalised is not null
"""


def consents_in_gold(lake: str) -> int | None:
    """Delta version of silver.consents that gold is sure to know; None when gold does not say what it was built from.

    Of the last good build and the newest that began the older one: when two ran into each other, either may have
    written last.
    """
    built, started = (newest_inputs(stage, lake)[1].get(str(CONSENTS)) for stage in (GOLD_BUILT, GOLD_STARTED))
    return None if built is None else min(built, built if started is None else started)


def load_refusals(snapshot: Snapshot, known: int | None, lake: str) -> None:
    """Make tables `refused_customers` and `refused_addresses` of who refused e-mail marketing after version `known` of
    silver.consents.

    Both are empty when the snapshot has no silver.consents, which need not be opened for a gold that knows its newest
    version.
    """
    connection = snapshot.connection
    connection.execute("create table refused_addresses (address varchar)")
    if CONSENTS not in snapshot.versions:
        connection.execute("create table refused_customers (customer_id varchar)")
        return
    mark = _mark(known, snapshot.versions[CONSENTS], lake)
    if mark is None:
        connection.execute(_NEWEST_OF_REFERENCE)
    else:
        connection.execute(_NEWER_THAN_MARK, [mark])
    connection.execute("insert into refused_addresses select reference from refusals where reference_type = 'email'")
    if IDENTITIES not in snapshot.versions:
        connection.execute("create table refused_customers (customer_id varchar)")
        return
    connection.execute(_PEOPLE)
    if OF_CONTACTS in snapshot.versions:
        connection.execute(_PEOPLE_WHO_HAD_IT)
    connection.execute(_ADDRESSES)
    if CONTACTS in snapshot.versions:
        connection.execute(_ADDRESSES_OF_CONTACTS)


def _mark(known: int | None, current: int, lake: str) -> datetime | None:
    """The newest `_updated_at` at version `known`, which later commits exceed; None when that version cannot be read
    (any more)."""
    if known is None or not 0 <= known <= current:
        return None
    try:
        return latest_time(CONSENTS, lake, "_updated_at", version=known)
    except (DeltaError, OSError):
        return None
