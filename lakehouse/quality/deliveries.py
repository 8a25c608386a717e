"""What was delivered against what silver has, to the cent: delivered = silver + quarantined + duplicates."""

# ruff: noqa: S608 - the SQL is made of our own declarations, never of what somebody typed.
from __future__ import annotations

from lakehouse.contracts import Contract
from lakehouse.delta.storage import open_table
from lakehouse.quality.parameters import text
from lakehouse.quality.rule import Rule, Shortcut, Unit
from lakehouse.sources.config import Feed, feeds
from lakehouse.tables import quarantine
from lakehouse.transforms.contract_types import received_sql, typed_sql


def reconciliation_rules(contract: Contract, amount: str) -> tuple[Rule, ...]:
    """Every delivered row is in silver, in quarantine or a duplicate, and so is every cent of `amount`.

    Duplicates are looked for only when the plain sums differ: of a key that was delivered more than once, all but what silver
    has. A row that silver lost, invented or changed shows up as a difference. Sources no longer declared are left out.
    """
    keys = ", ".join(contract.key)
    rejected = f"(select distinct _source_file, _row_number, true as is_rejected from {{silver.{quarantine(contract.dataset).name}}})"
    delivered = (
        "(select d.*, coalesce(q.is_rejected, false) as is_rejected from {delivered} as d"
        f" left join {rejected} as q on d._source_file = q._source_file and d._row_number = q._row_number)"
    )
    totals = (
        f"(select count(*) as delivered_rows, coalesce(sum({amount}), 0) as delivered, count_if(is_rejected) as rejected_rows,"
        f" coalesce(sum(case when is_rejected then {amount} end), 0) as rejected from {delivered})"
    )
    silver = f"(select count(*) as silver_rows, coalesce(sum({amount}), 0) as silver from {{table}} where _source in ({{delivering_sources}}))"
    # Found by a hash first: grouping every row by long texts is what would cost.
    hashes = f"(select xxhash64({keys}) as hash_of_key from {delivered} where not is_rejected group by xxhash64({keys}) having sum(1) > 1)"
    repeated = (
        f"(select {keys}, sum(1) as n, sum({amount}) as amount, max({amount}) as largest"
        f" from {delivered} as f left semi join {hashes} as h on xxhash64({keys}) = h.hash_of_key where not is_rejected group by {keys} having sum(1) > 1)"
    )
    duplicates = (
        "(select coalesce(sum(r.n - 1), 0) as duplicate_rows, coalesce(sum(r.amount - coalesce(s.kept, r.largest)), 0) as duplicates"
        f" from {repeated} as r left join (select {keys}, {amount} as kept from {{table}}) as s using ({keys}))"
    )
    relation = f"(select * from {totals} cross join {silver} cross join {duplicates})"
    rows_off, amount_off = "max(delivered_rows - rejected_rows - duplicate_rows - silver_rows)", "max(delivered - rejected - duplicates - silver)"
    detail = (
        "concat('delivered ', cast(max(delivered) as string), ' = silver ', cast(max(silver) as string), ' + quarantined ', cast(max(rejected) as string),"
        " ' + duplicates ', cast(max(duplicates) as string))"
    )
    counts = (
        "concat('delivered ', cast(max(delivered_rows) as string), ' = silver ', cast(max(silver_rows) as string), ' + quarantined ',"
        " cast(max(rejected_rows) as string), ' + duplicates ', cast(max(duplicate_rows) as string))"
    )
    plain = "max(abs(delivered_rows - rejected_rows - silver_rows) + abs(delivered - rejected - silver))"
    shortcut = Shortcut(f"(select * from {totals} cross join {silver})", plain)
    return (
        Rule(
            f"{contract.dataset}.rows.reconciled",
            "Every delivered row is in silver, in quarantine or a duplicate",
            f"abs({rows_off})",
            value=rows_off,
            detail=counts,
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
            detail=detail,
            checked="max(delivered_rows)",
            minimum=0,
            relation=relation,
            shortcut=shortcut,
        ),
    )


def delivered_sql(contract: Contract, amount: str, lake: str) -> str:
    """A relation with every delivered row of the dataset: key columns and `amount` typed as silver types them, _source_file, _row_number.

    Empty when no source declares the dataset or none has delivered. Raises ConfigurationError for a wrong sources.yml.
    """
    parts = [_feed_sql(feed, contract, amount, lake) for feed in delivering_feeds(contract.dataset, lake)]
    if parts:
        return f"({' union all '.join(parts)})"
    nulls = [f"cast(null as {contract.column(name).type}) as {name}" for name in (*contract.key, amount)]
    return f"(select {', '.join(nulls)}, cast(null as string) as _source_file, cast(null as bigint) as _row_number where 1 = 0)"


def delivering_feeds(dataset: str, lake: str) -> list[Feed]:
    """The declared feeds of a dataset that have delivered something."""
    return [feed for feed in feeds(dataset) if open_table(feed.bronze, lake) is not None]


def delivering_sources_sql(dataset: str, lake: str) -> str:
    """Their sources as a SQL list."""
    return ", ".join(text(feed.source) for feed in delivering_feeds(dataset, lake)) or "null"


def _feed_sql(feed: Feed, contract: Contract, amount: str, lake: str) -> str:
    """Rows of one bronze table; a delivered column that it never had is null."""
    received = open_table(feed.bronze, lake)
    present = {field.name.lower() for field in received.schema().fields} if received is not None else set()
    absent = [f"cast(null as string) as `{name}`" for name in feed.required_columns() if name.lower() not in present]
    columns = [contract.column(name) for name in (*contract.key, amount)]
    typed = [f"{typed_sql(column, received_sql(feed.mapping.get(column.name, 'null')), feed.timezone)} as {column.name}" for column in columns]
    rows = f"(select *, {', '.join(absent)} from {{{feed.bronze}}})" if absent else f"{{{feed.bronze}}}"
    return f"select {', '.join(typed)}, _source_file, _row_number from {rows}"
