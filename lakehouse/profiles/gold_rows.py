"""Profiles and aliases from gold and silver.identities, as rows (key, name, value as JSON), and how they changed.

Grain: a row `profile` per customer, and a row `alias` per other name of a customer: `crm_id:...`, `loyalty_id:...`,
`email_sha256:...`, and former customer ids as they are. Customers whose contact was deleted have none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import duckdb
from deltalake.exceptions import DeltaError

from lakehouse.errors import ConfigurationError
from lakehouse.profiles.declared import FILE, ServedProfile
from lakehouse.profiles.loads import ALIAS, PROFILE, Versions
from lakehouse.storage.duckdb_views import Snapshot, attach
from lakehouse.tables import gold, ops, silver

CUSTOMERS, SUPPRESSIONS, MEMBERS = gold("dim_customers"), gold("suppressions"), gold("segment_members")
IDENTITIES = silver("identities")
TABLES = (CUSTOMERS, SUPPRESSIONS, MEMBERS, IDENTITIES)
REFUSALS = ops("platform_refusals")  # there since a platform has told of the first
_CHUNK = 20_000
# Rules of silver.identities under which an identifier belongs to one person.
_LINKING = "('root', 'same_contact', 'former_identifier', 'shared_identifier')"
_NO_REFUSALS = "(select null::varchar as customer_id, null::varchar as address where false)"
_ROWS = """
    with
    customers as (
        select * from {customers} where not coalesce(is_contact_deleted, false)
    ),

    segments as (
        select customer_id, list(distinct segment order by segment) as segments
        from {members}
        group by customer_id
    ),

    refused as (
        select customer_id
        from customers
        where
            customer_id in (select customer_id from {refusals})
            or email in (select address from {refusals})
    ),

    profiles as (
        select
            customers.customer_id as key,
            '{profile}' as name,
            cast(case
                when suppressions.address is not null
                    then to_json({{'status': 'suppressed', 'reason': coalesce(suppressions.reason, 'not_mailable')}})
                when refused.customer_id is not null
                    then to_json({{'status': 'suppressed', 'reason': 'refused_on_platform'}})
                when customers.is_mailable
                    then to_json({{'status': 'active', 'segments': coalesce(segments.segments, []) {columns}}})
                else to_json({{'status': 'suppressed', 'reason': 'not_mailable'}})
            end as varchar) as value
        from customers
        left join {suppressions} as suppressions on customers.email = suppressions.address
        left join refused on customers.customer_id = refused.customer_id
        left join segments on customers.customer_id = segments.customer_id
    ),

    aliases as (
        select
            case
                when identifier_type = 'email' then 'email_sha256:' || sha256(lower(identifier))
                else identifier_type || ':' || identifier
            end as key,
            customer_id
        from {identities}
        where rule in {linking} and identifier_type in ('crm_id', 'loyalty_id', 'email')
        union all
        select unnest(former_customer_ids) as key, customer_id
        from {identities}
    )

    select key, name, value from profiles
    union all
    select key, '{alias}' as name, cast(to_json(min(customer_id)) as varchar) as value
    from aliases
    where
        key not in (select customer_id from {customers})
        and customer_id in (select customer_id from customers)
    group by key
"""


class LostVersionError(Exception):
    """A version of a table cannot be read any more; its files were removed."""


class Row(NamedTuple):
    """A value that is to be loaded; JSON, or None when there is none any more."""

    key: str
    name: str
    value: str | None


def rows_sql(connection: duckdb.DuckDBPyConnection, served: ServedProfile, has_refusals: bool, prefix: str = "") -> str:
    """The rows of the tables that are attached under these names, as a query.

    Raises:
        ConfigurationError: profiles.yml names a column that gold.dim_customers does not have.
    """
    views = {table.name: f"{table.layer}.{prefix}{table.name}" for table in TABLES}
    described = connection.execute(f"describe {views['dim_customers']}").fetchall()
    known = {name: kind for name, kind, *_ in described}
    for column in served.columns:
        if column not in known:
            expected = f"one of {', '.join(sorted(known))}"
            raise ConfigurationError(FILE, None, f"gold.dim_customers has no column {column!r}", expected)
    columns = "".join(f", '{column}': {_as_json(column, known[column])}" for column in dict.fromkeys(served.columns))
    return _ROWS.format(
        customers=views["dim_customers"],
        suppressions=views["suppressions"],
        members=views["segment_members"],
        refusals=f"{REFUSALS.layer}.{prefix}{REFUSALS.name}" if has_refusals else _NO_REFUSALS,
        identities=views["identities"],
        columns=columns,
        linking=_LINKING,
        profile=PROFILE,
        alias=ALIAS,
    )


def all_rows(snapshot: Snapshot, served: ServedProfile) -> Iterator[Sequence[Row]]:
    """All rows, in parts."""
    yield from _in_parts(snapshot.connection, rows_sql(snapshot.connection, served, REFUSALS in snapshot.versions))


def changed_rows(
    snapshot: Snapshot, served: ServedProfile, before: Sequence[Versions], lake: str
) -> Iterator[Sequence[Row]]:
    """Rows that differ from those of any of the versions before, in parts; first those that are gone.

    Raises:
        LostVersionError: one of these versions cannot be read any more.
    """
    run = snapshot.connection.execute
    rows = rows_sql(snapshot.connection, served, REFUSALS in snapshot.versions)
    run(f"create or replace table rows_now as {rows}")
    run("create or replace table rows_before (key varchar, name varchar, digest uhugeint)")
    for number, versions in enumerate(before):
        prefix = f"before_{number}_"
        try:
            had_refusals = str(REFUSALS) in versions
            for table in (*TABLES, *([REFUSALS] if had_refusals else [])):
                name = f"{table.layer}.{prefix}{table.name}"
                attach(snapshot.connection, table, versions[str(table)], lake, name)
            rows = rows_sql(snapshot.connection, served, had_refusals, prefix)
            run(f"insert into rows_before select key, name, md5_number(value) from ({rows})")  # noqa: S608 - ours
        except (duckdb.IOException, DeltaError, OSError) as error:
            raise LostVersionError(type(error).__name__) from None
    yield from _in_parts(
        snapshot.connection,
        "select distinct key, name, null::varchar as value from rows_before anti join rows_now using (key, name)",
    )
    # An unchanged row is equal in all of the states before.
    yield from _in_parts(
        snapshot.connection,
        f"""
        select rows_now.key, rows_now.name, rows_now.value
        from rows_now
        left join (
            select key, name, digest from rows_before group by all having count(*) = {len(before)}
        ) as settled on rows_now.key = settled.key and rows_now.name = settled.name
        where settled.digest is distinct from md5_number(rows_now.value)
        """,  # noqa: S608 - a number
    )


def versions_of(snapshot: Snapshot) -> dict[str, int]:
    """Table -> version of what a snapshot reads."""
    return {str(table): version for table, version in snapshot.versions.items()}


def _as_json(column: str, kind: str) -> str:
    """SQL for a value that JSON can hold: times in ISO 8601, UTC."""
    name = f'customers."{column}"'
    if kind.startswith("TIMESTAMP"):
        return f"strftime({name}, '%Y-%m-%dT%H:%M:%SZ')"
    return name


def _in_parts(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[list[Row]]:
    found = connection.cursor().execute(query)
    while part := found.fetchmany(_CHUNK):
        yield [Row(*each) for each in part]
