"""Who would be in a segment, before anything is built: read with DuckDB from the profiles that gold has."""

# ruff: noqa: S608 - the SQL is written from checked trees (conditions.py), and of names of columns.
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from lakehouse.activation.consent.firewall import SUPPRESSIONS, Firewall, normal_address_sql
from lakehouse.activation.segments.catalogue import segment_context, segment_names
from lakehouse.activation.segments.conditions import Condition, condition
from lakehouse.activation.segments.declared import FILE, declared_segments
from lakehouse.activation.segments.listing import MEMBERS
from lakehouse.activation.segments.profile_columns import is_time_dependent, profile_columns
from lakehouse.config.folder import configuration_folder
from lakehouse.errors import ConfigurationError, TerminalError
from lakehouse.storage.duckdb_views import Snapshot, open_snapshot
from lakehouse.tables import gold

PROFILES = gold("dim_customers")
MASK = "***"
_SHOWN = ("customer_id", "email", "first_name", "last_name")
_NO_DETAIL = Condition((), "null", "null")


@dataclass(frozen=True)
class Overlap:
    """Another segment, with its members and how many of them are in this one too."""

    segment: str
    members: int
    in_both: int


@dataclass(frozen=True)
class Preview:
    """What a segment would be.

    Attributes:
        segment: its name; None for a condition that is not written down.
        where: its condition; None for a dbt model, whose members are those that were built last.
        as_of: the moment that the profiles look back from.
        customers: how many profiles there are.
        members: how many of them would be members.
        mailable: how many of the members the consent firewall lets pass.
        not_mailable: reason -> members that it stops.
        overlap: other segments that have members in common, most first.
        time_dependent: columns of the condition that change by the mere passing of time.
        examples: the first members by customer_id; what names a person is masked unless it was asked for.
    """

    segment: str | None
    where: str | None
    as_of: datetime | None
    customers: int
    members: int
    mailable: int
    not_mailable: dict[str, int]
    overlap: list[Overlap]
    time_dependent: list[str]
    examples: list[dict[str, Any]]


def preview_segment(name: str, lake: str, limit: int = 10, show_personal_data: bool = False) -> Preview:
    """The segment `name`: a condition of segments.yml as it is written now, or a dbt model as it was built last.

    Raises:
        ConfigurationError: segments.yml is not valid, or there is no such segment.
        MissingTableError: gold has not been built.
    """
    context = segment_context()
    declared = declared_segments(context=context)
    if name in declared:
        where, value = declared[name].condition(context.columns), declared[name].value(context.columns)
        return _preview(name, declared[name].where, where, value, lake, limit, show_personal_data)
    if name not in context.taken:
        known = ", ".join(sorted(segment_names()))
        file = str(configuration_folder() / FILE)
        raise ConfigurationError(file, None, f"there is no segment {name!r}", f"one of {known}")
    return _preview(name, None, None, _NO_DETAIL, lake, limit, show_personal_data)


def preview_condition(where: str, lake: str, limit: int = 10, show_personal_data: bool = False) -> Preview:
    """Those who meet a condition that is not written down. Raises what `preview_segment` raises."""
    try:
        checked = condition(where, profile_columns())
    except ValueError as error:
        problem, _, expected = str(error).partition("; expected ")
        raise ConfigurationError("--where", None, problem, expected) from None
    return _preview(None, where, checked, _NO_DETAIL, lake, limit, show_personal_data)


def _preview(
    name: str | None,
    where: str | None,
    checked: Condition | None,
    value: Condition,
    lake: str,
    limit: int,
    show_personal_data: bool,
) -> Preview:
    required = [PROFILES, SUPPRESSIONS, *([MEMBERS] if checked is None else [])]
    with open_snapshot(required, lake, optional=[MEMBERS]) as snapshot:
        run = snapshot.connection.execute
        try:
            run(_chosen(checked, value), [name] if checked is None else [])
        except duckdb.BinderException:
            raise TerminalError(
                "gold.dim_customers was built by an earlier version and lacks a column of the condition",
                "Build the profiles (`lakehouse run`), then look again.",
            ) from None
        customers, as_of = run("select count(*), max(as_of) from gold.dim_customers").fetchall()[0]
        (members,) = run("select count(*) from chosen").fetchall()[0]
        stopped = _stopped(snapshot, lake)
        read = () if checked is None else tuple(dict.fromkeys([*checked.columns, *value.columns]))
        return Preview(
            name,
            where,
            as_of,
            customers,
            members,
            members - sum(stopped.values()),
            stopped,
            _overlap(snapshot, name) if MEMBERS in snapshot.versions else [],
            [column for column in read if is_time_dependent(column)],
            _examples(snapshot, read, limit, show_personal_data),
        )


def _chosen(checked: Condition | None, value: Condition) -> str:
    """SQL for the table of members, as dbt_project/models/marts/segment_members.sql makes it."""
    if checked is None:
        source = "(select customer_id, detail from gold.segment_members where segment = ?)"
        return f"create table chosen as select * from {source}"
    return f"""
        create table chosen as
        select customer_id, {value.duckdb} as detail
        from gold.dim_customers
        where ({checked.duckdb}) and known_since_at < as_of
    """


def _stopped(snapshot: Snapshot, lake: str) -> dict[str, int]:
    """Reason -> members whom the consent firewall stops today, most first."""
    with Firewall(lake, beside=snapshot.connection) as firewall:
        rows = snapshot.connection.execute(
            f"""
            with people as (
                select profiles.customer_id, {normal_address_sql("profiles.email")} as address, profiles.is_mailable
                from gold.dim_customers as profiles
                semi join chosen on profiles.customer_id = chosen.customer_id
            ),

            judged as (select {firewall.reason_sql()} as reason from people)

            select reason, count(*) from judged where reason is not null group by reason order by count(*) desc, reason
            """
        ).fetchall()
    return dict(rows)


def _overlap(snapshot: Snapshot, name: str | None) -> list[Overlap]:
    query = """
        select others.segment, count(*), count(chosen.customer_id)
        from gold.segment_members as others
        left join chosen on others.customer_id = chosen.customer_id
        where others.segment is distinct from ?
        group by others.segment
        having count(chosen.customer_id) > 0
        order by count(chosen.customer_id) desc, others.segment
    """
    return [Overlap(*row) for row in snapshot.connection.execute(query, [name]).fetchall()]


def _examples(snapshot: Snapshot, read: tuple[str, ...], limit: int, show_personal_data: bool) -> list[dict[str, Any]]:
    columns = profile_columns()
    names = list(dict.fromkeys([*_SHOWN, *read]))
    selected = ", ".join(f'profiles."{name}"' for name in names)
    rows = snapshot.connection.execute(
        f"""
        select {selected}, chosen.detail
        from gold.dim_customers as profiles
        inner join chosen on profiles.customer_id = chosen.customer_id
        order by profiles.customer_id
        limit {int(limit)}
        """
    ).fetchall()
    hidden = set() if show_personal_data else {name for name in names if columns[name].is_direct}
    return [
        {
            name: MASK if name in hidden and value is not None else value
            for name, value in zip([*names, "detail"], row, strict=True)
        }
        for row in rows
    ]
