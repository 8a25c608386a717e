"""Late refusals: those that entered silver after gold was built, so that gold.suppressions cannot have them.

From silver.consents, and from silver.mail_holds: rejected rows that may be a refusal. A grant that entered since then
has no effect until gold is built with it.
"""

from __future__ import annotations

from datetime import datetime

import duckdb
from deltalake.exceptions import DeltaError

from lakehouse.storage.duckdb_views import Snapshot, attach
from lakehouse.storage.progress import GOLD_BUILT, GOLD_STARTED, newest_inputs
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, silver

CONSENTS, HOLDS, IDENTITIES = silver("consents"), silver("mail_holds"), silver("identities")
CONTACTS, OF_CONTACTS = silver("contacts"), silver("contact_identifiers")
READ = (CONSENTS, HOLDS, IDENTITIES, CONTACTS, OF_CONTACTS)

_REFERENCE = """
    case when reference_type = 'email' then lower(trim(customer_reference)) else customer_reference end as reference
"""
# A bounce or a complaint counts whatever the purpose of the mail that caused it.
_IS_REFUSAL = """(
    channel = 'email'
    and (status in ('bounced', 'complained') or (status = 'withdrawn' and purpose = 'marketing'))
)"""
_IS_GRANT = "(channel = 'email' and purpose = 'marketing' and status = 'granted' and not _is_deleted)"
# Two rows with the same content are one refusal: a rebuild writes every row again.
_CONTENT = (
    f"reference_type, {_REFERENCE}, channel, purpose, status, changed_at, coalesce(changed_until, changed_at) as until"
)
# Every refusal after the mark, also one that was followed by a grant.
_WRITTEN_AFTER_MARK = f"""
    create table written_since as
    select distinct {_CONTENT}
    from silver.consents
    where {_IS_REFUSAL} and _updated_at > ?
"""  # noqa: S608 - constants only
# A rebuild of silver writes refusals anew that gold has weighed already: these are no news.
_NEW_REFUSALS = f"""
    create table refusals as
    select distinct reference_type, reference
    from written_since
    anti join (select {_CONTENT} from known_consents where {_IS_REFUSAL}) as known
        using (reference_type, reference, channel, purpose, status, changed_at, until)
"""  # noqa: S608 - constants only
# Without a mark: references whose newest status is a refusal, and those that ever bounced or complained. As in gold, a
# grant that a later dump left out does not count, and no grant lifts a bounce or a complaint.
_STANDING_REFUSALS = f"""
    create table refusals as
    select reference_type, {_REFERENCE}
    from silver.consents
    group by reference_type, reference
    having
        bool_or({_IS_REFUSAL} and status <> 'withdrawn')
        or max(changed_at) filter ({_IS_REFUSAL})
        >= coalesce(max(changed_at) filter ({_IS_GRANT}), timestamptz '-infinity')
"""  # noqa: S608 - constants only
_HELD = """
    insert into refusals
    select identifier_type, identifier from silver.mail_holds where identifier_type <> 'unrecognised'
"""
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


def version_in_gold(table: TableRef, lake: str) -> int | None:
    """Delta version of a silver table that gold contains for certain; None when gold does not say.

    The older one of the last successful build and the build that started last: if they overlapped, either may have
    written last.
    """
    built, started = (newest_inputs(stage, lake)[1].get(str(table)) for stage in (GOLD_BUILT, GOLD_STARTED))
    return None if built is None else min(built, built if started is None else started)


def load_refusals(snapshot: Snapshot, known: int | None, lake: str) -> None:
    """Create tables `refused_customers` and `refused_addresses`: who refused e-mail marketing after version `known` of
    silver.consents, or is held back by a rejected row.

    Both are empty when the snapshot has none of the tables: they are not opened when gold contains their newest
    versions.
    """
    connection = snapshot.connection
    connection.execute("create table refused_addresses (address varchar)")
    _load_references(snapshot, known, lake)
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


def _load_references(snapshot: Snapshot, known: int | None, lake: str) -> None:
    """Create table `refusals`: the references that refused or are held back."""
    connection = snapshot.connection
    if CONSENTS not in snapshot.versions:
        connection.execute("create table refusals (reference_type varchar, reference varchar)")
    elif known is None or (mark := _mark(known, snapshot.versions[CONSENTS], lake)) is None:
        connection.execute(_STANDING_REFUSALS)
    else:
        connection.execute(_WRITTEN_AFTER_MARK, [mark])
        attach(connection, CONSENTS, known, lake, name="known_consents")
        try:
            connection.execute(_NEW_REFUSALS)
        except duckdb.IOException:  # its files are gone, although the log still names them
            connection.execute(_STANDING_REFUSALS)
    if HOLDS in snapshot.versions:
        connection.execute(_HELD)


def _mark(known: int, current: int, lake: str) -> datetime | None:
    """The newest `_updated_at` in version `known`, which later commits exceed; None when that version cannot be read
    (any more)."""
    if not 0 <= known <= current:
        return None
    try:
        return Table(CONSENTS, lake, pinned=known).latest_time("_updated_at")
    except (DeltaError, OSError):
        return None
