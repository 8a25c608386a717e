"""Rules that several tables need and no contract can say: volume, freshness, shares, impossible times."""

# ruff: noqa: S608 - the SQL is made of our own declarations, never of what somebody typed.
from __future__ import annotations

from lakehouse.quality.rules.rule import Rule, Severity, Unit

ALIVE = "not _is_deleted"


def volume_rules(
    table: str,
    alive: str = "true",
    is_empty_blocking: bool = False,
    may_shrink_by: float = 0.1,
    kept: tuple[str, str] | None = None,
    is_derived: bool = False,
) -> tuple[Rule, ...]:
    """Rows there are: not none, and not many fewer than at the last passed gate, unless that was accepted (see
    ops.accepted_losses). `kept`: a name for the rows that may not become fewer, and their condition; default: all that
    are alive. A derived table that has fewer is a warning only: people who turn out to be one are fewer, and what its
    inputs do not explain is for rules of its own.

    Rows read in this run: within a fifth and five times the median of the last ten runs that read any, once there are
    three.
    """
    severity = Severity.BLOCKING if is_empty_blocking else Severity.WARNING
    named, condition = kept or ("rows", alive)
    rows, count_kept = f"count_if({alive})", f"count_if({condition})"
    return (
        Rule(
            f"{table}.rows.present",
            "The table has rows",
            f"case when {rows} = 0 then 1 else 0 end",
            severity,
            value=rows,
            minimum=1,
            maximum=None,
        ),
        Rule(
            f"{table}.{named}.kept",
            f"No more than {may_shrink_by:.0%} of the {named} of the last passed gate are gone",
            f"greatest(cast(coalesce({{previous_rows}}, 0D) as bigint) - {count_kept}, 0)",
            Severity.WARNING if is_derived else Severity.BLOCKING,
            checked=count_kept,
            value=f"{count_kept} / nullif({{previous_rows}}, 0D)",
            minimum=1 - may_shrink_by,
            maximum=None,
            unit=Unit.RATIO,
        ),
        Rule(
            f"{table}.rows.usual",
            "This run read about as many rows as runs usually do",
            "0",
            Severity.WARNING,
            checked="cast(coalesce({rows_read}, 0D) as bigint)",
            value="{rows_read} / {usual_rows_read}",
            minimum=0.2,
            maximum=5,
            unit=Unit.RATIO,
            relation="(select 1 as one)",
        ),
    )


def fresh_rule(table: str, column: str, hours: int) -> Rule:
    """The newest `column` is at most `hours` before the as-of time: a warning, because old data may be all there is."""
    lag = f"(unix_timestamp({{as_of}}) - unix_timestamp(max({column}))) / 3600D"
    return Rule(
        f"{table}.{column}.fresh",
        f"The newest {column} is at most {hours} hours before the as-of time",
        f"case when {lag} > {hours} then count(*) else 0 end",
        Severity.WARNING,
        value=lag,
        maximum=hours,
        unit=Unit.HOURS,
        relation=f"(select {column} from {{table}})",
    )


def not_from_the_future_rule(table: str, column: str) -> Rule:
    """No event lies more than a day after its delivery (a day: clocks and time zones of shops are off)."""
    return Rule(
        f"{table}.{column}.future",
        f"No {column} lies more than a day after its delivery",
        f"count_if({column} > _ingested_at + interval 1 day)",
        Severity.WARNING,
    )


def share_rule(
    rule_id: str,
    meaning: str,
    bad_when: str,
    maximum: float,
    among: str = "true",
    severity: Severity = Severity.WARNING,
) -> Rule:
    """At most a share of `maximum` (0 to 1) of the rows for which `among` is true are bad."""
    bad, checked = f"count_if(({among}) and ({bad_when}))", f"count_if({among})"
    return Rule(
        rule_id,
        meaning,
        bad,
        severity,
        checked,
        f"{bad} / cast(nullif({checked}, 0) as double)",
        maximum=maximum,
        unit=Unit.SHARE,
    )


def filled_rule(table: str, column: str, least_share: float, among: str = "true") -> Rule:
    """`column` is filled in at least `least_share` of the rows of the sources that deliver it."""
    return share_rule(
        f"{table}.{column}.filled",
        f"{column} is filled in at least {least_share:.0%} of the rows",
        f"{column} is null",
        1 - least_share,
        f"{among} and _source in ({{sources_of.{column}}})",
    )


def rows_rule(rule_id: str, meaning: str, bad_when: str, severity: Severity = Severity.BLOCKING) -> Rule:
    """No row is bad."""
    return Rule(rule_id, meaning, f"count_if({bad_when})", severity)
