"""What was delivered against what silver has, to the cent: delivered = silver + quarantined + duplicates."""

# ruff: noqa: S608 - the SQL is made of our own declarations, never of what somebody typed.
from __future__ import annotations

from lakehouse.config.feeds import Feed
from lakehouse.contracts import Contract
from lakehouse.landing.source_history import known_feeds
from lakehouse.quality.rules.rule import Rule, Shortcut, Unit
from lakehouse.storage.table import Table
from lakehouse.tables import quarantine
from lakehouse.transforms.contract_types import received_sql, typed_sql
from lakehouse.utils.sql_text import identifier, literal


def reconciliation_rules(contract: Contract, amount: str) -> tuple[Rule, ...]:
    """Every delivered row is in silver, in quarantine or a duplicate, and so is every cent of `amount`.

    A row that silver lost, invented or changed is a difference. Retired sources are left out.
    Duplicates are looked for only when the plain sums differ.
    """
    rejected = (
        "(select distinct _source_file, _row_number, true as is_rejected"
        f" from {{silver.{quarantine(contract.dataset).name}}})"
    )
    relation, shortcut = _balance(contract.key, amount, rejected), _sums_agree(rejected, amount)
    rows_off = "max(delivered_rows - rejected_rows - duplicate_rows - silver_rows)"
    amount_off = "max(delivered - rejected - duplicates - silver)"
    return (
        Rule(
            f"{contract.dataset}.rows.reconciled",
            "Every delivered row is in silver, in quarantine or a duplicate",
            f"abs({rows_off})",
            value=rows_off,
            detail=_equation("delivered_rows", "silver_rows", "rejected_rows", "duplicate_rows"),
            checked="max(delivered_rows)",
            minimum=0,
            relation=relation,
            shortcut=shortcut,
        ),
        Rule(
            f"{contract.dataset}.{amount}.reconciled",
            f"The delivered {amount} is, to the cent, what silver has, what is in quarantine and what were duplicates",
            f"case when {amount_off} = 0 then 0 else greatest(abs({rows_off}), 1) end",
            value=amount_off,
            unit=Unit.AMOUNT,
            detail=_equation("delivered", "silver", "rejected", "duplicates"),
            checked="max(delivered_rows)",
            minimum=0,
            relation=relation,
            shortcut=shortcut,
        ),
    )


def _balance(key: tuple[str, ...], amount: str, rejected: str) -> str:
    """One row: rows and sums of what was delivered, rejected, repeated, and of what silver has.

    Duplicates are, of a key that was delivered more than once, all rows but the one that silver has.
    """
    keys = ", ".join(key)
    delivered = f"""(
        select d.*, coalesce(q.is_rejected, false) as is_rejected
        from {{delivered}} as d
        left join {rejected} as q on d._source_file = q._source_file and d._row_number = q._row_number
    )"""
    # Keys are found by a hash first: grouping every row by long texts is what would cost.
    hashes = f"""(
        select xxhash64({keys}) as hash_of_key
        from {delivered}
        where not is_rejected
        group by xxhash64({keys})
        having sum(1) > 1
    )"""
    repeated = f"""(
        select {keys}, sum(1) as n, sum({amount}) as amount, max({amount}) as largest
        from {delivered} as f
        left semi join {hashes} as h on xxhash64({keys}) = h.hash_of_key
        where not is_rejected
        group by {keys}
        having sum(1) > 1
    )"""
    return f"""(
        select *
        from (
            select
                count(*) as delivered_rows,
                coalesce(sum({amount}), 0) as delivered,
                count_if(is_rejected) as rejected_rows,
                coalesce(sum(case when is_rejected then {amount} end), 0) as rejected
            from {delivered}
        )
        cross join (
            select count(*) as silver_rows, coalesce(sum({amount}), 0) as silver
            from {{table}}
            where _source in ({{delivering_sources}})
        )
        cross join (
            select
                coalesce(sum(r.n - 1), 0) as duplicate_rows,
                coalesce(sum(r.amount - coalesce(s.kept, r.largest)), 0) as duplicates
            from {repeated} as r
            left join (select {keys}, {amount} as kept from {{table}}) as s using ({keys})
        )
    )"""


def _sums_agree(rejected: str, amount: str) -> Shortcut:
    """Rows and whole cents of everything delivered, less the rejected, against silver.

    A fifth of the cost of reading every amount as a decimal. Where it rounds otherwise than silver does, the sums
    differ and the rule is measured in full.
    """
    relation = f"""(
        select *
        from (
            select count(*) as delivered_rows, coalesce(sum(cents), 0) as delivered_cents from {{delivered_cents}}
        )
        cross join (
            select count(*) as rejected_rows, coalesce(sum(cents), 0) as rejected_cents
            from (
                select d.cents
                from {{delivered_cents}} as d
                inner join {rejected} as q on d._source_file = q._source_file and d._row_number = q._row_number
            )
        )
        cross join (
            select count(*) as silver_rows, coalesce(sum({amount}), 0) * 100 as silver_cents
            from {{table}}
            where _source in ({{delivering_sources}})
        )
    )"""
    rows_off, cents_off = (f"abs(delivered_{what} - rejected_{what} - silver_{what})" for what in ("rows", "cents"))
    return Shortcut(relation, f"max({rows_off} + {cents_off})")


def _equation(delivered: str, silver: str, rejected: str, duplicates: str) -> str:
    """SQL for the text `delivered 6 = silver 2 + quarantined 2 + duplicates 2`; the arguments name columns."""
    columns = {"delivered ": delivered, " = silver ": silver, " + quarantined ": rejected, " + duplicates ": duplicates}
    terms = ", ".join(f"{literal(word)}, cast(max({column}) as string)" for word, column in columns.items())
    return f"concat({terms})"


def delivery_parameters(contract: Contract, amount: str, lake: str) -> dict[str, str]:
    """What the rules name: every delivered row with its key and `amount` typed as silver types them, or in cents; where
    it came from (_source_file, _row_number); and the sources.

    Empty relations when no source declares the dataset or none has delivered. Raises ConfigurationError for a wrong
    sources.yml.
    """
    columns = {column.name: column.type for column in (contract.column(name) for name in (*contract.key, amount))}
    delivering = [feed for feed in known_feeds(contract.dataset) if Table(feed.bronze, lake).delta is not None]
    typed = [_feed_sql(feed, {name: _typed(feed, contract, name) for name in columns}, lake) for feed in delivering]
    cents = [
        _feed_sql(feed, {"cents": f"try_cast(round(try_cast({feed.mapping[amount]} as double) * 100) as bigint)"}, lake)
        for feed in delivering
    ]
    return {
        "delivered": _union(typed, columns),
        "delivered_cents": _union(cents, {"cents": "bigint"}),
        "delivering_sources": ", ".join(literal(feed.source) for feed in delivering) or "null",
    }


def _typed(feed: Feed, contract: Contract, name: str) -> str:
    return typed_sql(contract.column(name), received_sql(feed.mapping.get(name, "null")), feed.timezone)


def _feed_sql(feed: Feed, expressions: dict[str, str], lake: str) -> str:
    """Rows of one bronze table; a delivered column that it never had is null."""
    received = Table(feed.bronze, lake).delta
    present = {field.name.lower() for field in received.schema().fields} if received is not None else set()
    absent = [
        f"cast(null as string) as {identifier(name)}" for name in feed.mapped_columns if name.lower() not in present
    ]
    rows = f"(select *, {', '.join(absent)} from {{{feed.bronze}}})" if absent else f"{{{feed.bronze}}}"
    return (
        f"select {', '.join(f'{sql} as {name}' for name, sql in expressions.items())}, _source_file, _row_number"
        f" from {rows}"
    )


def _union(parts: list[str], columns: dict[str, str]) -> str:
    if parts:
        return f"({' union all '.join(parts)})"
    nulls = ", ".join(
        f"cast(null as {kind}) as {name}"
        for name, kind in (columns | {"_source_file": "string", "_row_number": "bigint"}).items()
    )
    return f"(select {nulls} where 1 = 0)"
