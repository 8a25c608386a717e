"""The rules that follow from a contract: columns and types, required, allowed, range, pattern, row rules, unique key,
references."""

# ruff: noqa: S608 - the SQL is made of our own declarations, never of what somebody typed.
from __future__ import annotations

from lakehouse.contracts import DATASETS, Column, Contract
from lakehouse.contracts.predicates import Predicate, PredicateKind, column_predicates, row_predicates
from lakehouse.quality.rules.rule import Rule, Severity, Shortcut, Unit

# A SELECT of nothing but null counts is answered from file statistics by engines that can; one with other aggregates is
# not.
_NULL_COUNTS = "(select * from {table})"
_SCHEMA = "(select 1 as one)"


def contract_rules(
    contract: Contract,
    lineage: tuple[Column, ...] = (),
    unknown_share: float = 0.05,
    references_own_source: bool = False,
) -> tuple[Rule, ...]:
    """All rules derived from a contract, and that the lineage columns are filled.

    `unknown_share`: the share of rows that may point at something unknown before that blocks. `references_own_source`:
    see reference_rules.
    """
    rules = [_columns_rule(contract)]
    if contract.dataset in DATASETS:
        rules += accepted_rules(contract.dataset)
    for column in contract.columns:
        rules += map(predicate_rule, column_predicates(contract.dataset, column))
    if lineage:
        empty = " + ".join(f"count(*) - count({column.name})" for column in lineage if column.required)
        rules.append(
            Rule(
                f"{contract.dataset}.lineage.required",
                "Every row says where it came from",
                empty,
                relation=_NULL_COUNTS,
            )
        )
    rules += map(predicate_rule, row_predicates(contract))
    rules.append(unique_rule(contract.dataset, contract.key))
    for column in contract.columns:
        if column.references is not None:
            rules += reference_rules(
                contract.dataset, column.name, column.references, unknown_share, references_own_source
            )
    return tuple(rules)


def accepted_rules(dataset: str) -> tuple[Rule, ...]:
    """Most of what was delivered last was accepted; the shares are settings (see lakehouse.quality.rejections)."""
    return tuple(
        Rule(
            f"{dataset}.rows.{name}",
            f"Of no delivery were more rows rejected, or more new files set aside, than {setting} allows",
            f"{{count_rejected_{severity}}}",
            severity,
            checked=f"{{count_delivered_{severity}}}",
            relation=_SCHEMA,
            detail=f"{{rejected_{severity}}}",
        )
        for name, severity, setting in (
            ("accepted", Severity.WARNING, "LAKEHOUSE_REJECTED_WARN_SHARE"),
            ("accepted_mostly", Severity.BLOCKING, "LAKEHOUSE_REJECTED_BLOCK_SHARE"),
        )
    )


def unique_rule(dataset: str, key: tuple[str, ...]) -> Rule:
    """The key occurs once. That no hash of a key occurs twice proves it, in a third of the time that grouping by long
    texts takes."""
    columns = ", ".join(key)
    repeated = "(select sum(1) as n from {table} group by %s having sum(1) > 1)"
    rows_too_many = "coalesce(sum(n - 1), 0)"
    return Rule(
        f"{dataset}.{'_'.join(key) if len(key) == 1 else 'key'}.unique",
        f"({columns}) occurs once",
        rows_too_many,
        relation=repeated % columns,
        shortcut=Shortcut(repeated % f"xxhash64({columns})", rows_too_many),
    )


def reference_rules(
    dataset: str, column: str, target: str, blocking_share: float, is_of_own_source: bool = False
) -> tuple[Rule, ...]:
    """Rows whose `column` is not in `target` ("products.product_id"): any is a warning, more than `blocking_share` of
    rows blocks.

    With `is_of_own_source` the ids belong to the source that delivers them. Then rows of a source that does not deliver
    the target block nothing, and are warned about only where no source delivers both. While the target is empty
    nothing blocks: reference data may be delivered later. Where no source declares it, there is no warning either.
    """
    table, _, key = target.partition(".")
    # Grouped first: the join then sees each referenced key once, not every row.
    relation = (
        f"(select used.n, used._source, known.{key} is null as is_unknown, owners._source is not null as is_own,"
        f" targets.count_targets"
        f" from (select _source, {column}, sum(1) as n from {{table}} where {column} is not null"
        f" group by _source, {column}) as used"
        f" left join (select distinct {key} from {{silver.{table}}}) as known on used.{column} = known.{key}"
        f" left join (select distinct _source from {{silver.{table}}}) as owners on used._source = owners._source"
        f" cross join (select sum(1) as count_targets from {{silver.{table}}}) as targets)"
    )
    every = _unknown_keys("true")
    own = _unknown_keys("is_own") if is_of_own_source else every
    has_own = "max(case when is_own then 1 else 0 end) = 1"
    warned = [f"case when {has_own} then {of_own} else {of_all} end" for of_own, of_all in zip(own, every, strict=True)]
    rule_id, meaning = f"{dataset}.{column}.references", f"{column} is known in silver.{table}"
    bad_rows, checked, detail = warned
    failed = f"case when {{is_declared.{table}}} or max(count_targets) > 0 then {bad_rows} else 0 end"
    failed_own, checked_own, detail_own = own
    share = f"case when max(count_targets) > 0 then {failed_own} / cast(nullif({checked_own}, 0) as double) end"
    return (
        Rule(rule_id, meaning, failed, Severity.WARNING, checked, relation=relation, detail=detail),
        Rule(
            f"{rule_id}_share",
            f"At most {blocking_share:.0%} of rows have a {column} that silver.{table} does not know",
            failed_own,
            Severity.BLOCKING,
            checked_own,
            share,
            maximum=blocking_share,
            unit=Unit.SHARE,
            relation=relation,
            detail=detail_own,
        ),
    )


def _unknown_keys(judged: str) -> tuple[str, str, str]:
    """Aggregates over the relation of reference_rules: rows that fail, rows looked at, and text about them."""
    bad = f"is_unknown and {judged}"
    sources = f"concat_ws(', ', sort_array(collect_set(case when {bad} then _source end)))"
    return (
        f"coalesce(sum(case when {bad} then n else 0 end), 0)",
        f"coalesce(sum(case when {judged} then n else 0 end), 0)",
        f"concat(cast(count_if({bad}) as string), ' unknown keys of ', {sources})",
    )


def _columns_rule(contract: Contract) -> Rule:
    return Rule(
        f"{contract.dataset}.columns.match",
        f"The columns and their types are those of contract {contract.dataset} version {contract.version}",
        "{count_schema_differences}",
        checked="{count_columns}",
        unit=Unit.COLUMNS,
        relation=_SCHEMA,
        detail="{schema_differences}",
    )


def predicate_rule(predicate: Predicate) -> Rule:
    """The rule that no row of the table is bad."""
    if predicate.kind is PredicateKind.REQUIRED:
        return Rule(predicate.id, predicate.meaning, f"count(*) - count({predicate.column})", relation=_NULL_COUNTS)
    return Rule(predicate.id, predicate.meaning, f"count_if({predicate.bad_when})")
