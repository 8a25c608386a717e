"""The plan of a repair: what is set aside, from what the table is made again, what is lost and what it costs. Changes
nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa

from lakehouse.config.settings import settings
from lakehouse.contracts import CONTACT_IDENTIFIERS, DATASETS, MAIL_HOLDS, OPS_TABLES, STREAMS, Stage
from lakehouse.contracts.origins import origin_of
from lakehouse.errors import LakehouseError, TerminalError
from lakehouse.landing.source_history import bronze_tables, dataset_of
from lakehouse.orchestration.repair.from_landing import landed_for
from lakehouse.orchestration.repair.ops_rows import ops_rows
from lakehouse.storage.damage import damage_of, damaged_tables, lost_commits
from lakehouse.storage.discovery import is_remote, newest_version
from lakehouse.storage.salvage import readable_rows
from lakehouse.storage.table import Table
from lakehouse.tables import Layer, TableRef, gold, ops, quarantine, silver

HISTORY = gold("customer_history")
_CONTACT_IDENTIFIERS, _MAIL_HOLDS = silver(CONTACT_IDENTIFIERS.dataset), silver(MAIL_HOLDS.dataset)
_OF_EVERY_STAGE = (ops("runs"), ops("progress"), ops("repairs"))
_OF_SILVER = (ops("declarations"), ops("source_changes"))


@dataclass(frozen=True)
class Work:
    """A stage that makes tables again."""

    stage: Stage
    target: str
    is_full: bool = True


@dataclass(frozen=True)
class Plan:
    """What a repair does.

    Attributes:
        table: the table.
        damage: what is wrong with it; empty for one that can be read.
        made_from: what it is made from again.
        cost: what is read and computed, now and by the next run.
        lost: what nothing can bring back, and what follows from that.
        blocked: why it cannot be done now, and what to do first; empty when it can.
        set_aside: it and the damaged tables that are made by the same work.
        rows: content of tables that are written at once.
        work: stages that make the others.
    """

    table: TableRef
    damage: str
    made_from: str
    cost: str
    lost: tuple[str, ...] = ()
    blocked: str = ""
    set_aside: tuple[TableRef, ...] = ()
    rows: dict[TableRef, pa.Table] = field(default_factory=dict)
    work: tuple[Work, ...] = ()


def plan_repair(table: TableRef) -> Plan:
    """The plan for one table.

    Raises:
        TerminalError: the lake is in an object store, or nobody makes such a table.
    """
    lake = settings().lake
    if is_remote(lake):
        raise TerminalError(
            f"the lake {lake} is in an object store, where `lakehouse repair` moves nothing",
            f"Move the folder {table.layer}/{table.name} away with the tools of the store, or restore it there; then"
            " run `lakehouse run --full`.",
        )
    damage = damage_of(table, lake) or lost_commits(lake).get(table, "")
    if not damage and newest_version(table, lake) is None:
        damage = "it is not there"
    match table.layer:
        case Layer.OPS:
            return _of_ops(table, damage, lake)
        case Layer.BRONZE:
            return _of_bronze(table, damage, lake)
        case Layer.SILVER:
            return _of_silver(table, damage, lake)
        case Layer.GOLD:
            return _of_gold(table, damage, lake)


def _of_ops(table: TableRef, damage: str, lake: str) -> Plan:
    if table.name not in OPS_TABLES:
        raise _nobody_makes(table)
    rows, lost = ops_rows(table, lake)
    cost = f"{rows.num_rows:,} rows are written; no engine is needed"
    blocked = _first(damaged_tables(lake, {ops("progress"), ops("repairs")} - {table}))
    return Plan(table, damage, origin_of(table).made_from, cost, lost, blocked, (table,), {table: rows})


def _of_bronze(table: TableRef, damage: str, lake: str) -> Plan:
    dataset = dataset_of(table)
    if table.name in STREAMS:
        raise TerminalError(
            f"nothing but Kafka has the messages of {table}",
            f"`lakehouse realtime down`, move the folder {table.layer}/{table.name} away, remove the checkpoints of the"
            " streaming job, start it again: it reads what Kafka still has, and silver keeps what it has.",
        )
    if dataset is None:
        raise _nobody_makes(table)
    landed = landed_for(table, dataset)
    blocked = landed.blocked or _first(damaged_tables(lake, _OF_EVERY_STAGE))
    cost = (
        f"{landed.count_files:,} landed files with {landed.count_rows:,} rows ({landed.megabytes:,.1f} MB) are read on"
        " the engine; the next `lakehouse run` reads the table once more, which changes no rows"
    )
    work = (Work(Stage.BRONZE, dataset),)
    return Plan(table, damage, origin_of(table).made_from, cost, landed.lost, blocked, (table,), work=work)


def _of_silver(table: TableRef, damage: str, lake: str) -> Plan:
    origin = origin_of(table)
    if table in (_MAIL_HOLDS, silver("identities")):
        needed = [
            *(silver(name) for name in DATASETS),
            *map(quarantine, ("consents", "contacts")),
            _CONTACT_IDENTIFIERS,
        ]
        needed += [ops("customer_ids"), ops("quarantine_dismissals")]
        work = Work(Stage.IDENTITIES, "identities", is_full=table != _MAIL_HOLDS)
        together: tuple[TableRef, ...] = (_MAIL_HOLDS, silver("identities"))
        cost = "all identifiers are resolved again on the engine"
    else:
        dataset = "contacts" if table == _CONTACT_IDENTIFIERS else table.name.removesuffix("_quarantine")
        if dataset not in DATASETS:
            raise _nobody_makes(table)
        sources = [*bronze_tables(dataset, lake), *([TableRef(Layer.BRONZE, dataset)] if dataset in STREAMS else [])]
        needed = [*sources, *_OF_SILVER]
        work, together = Work(Stage.SILVER, dataset), _made_with(dataset)
        cost = f"{_count(sources, lake)} rows of bronze are read on the engine"
    cost += "; the next `lakehouse run` computes gold for all customers"
    blocked = _first(damaged_tables(lake, [*_OF_EVERY_STAGE, *needed]))
    aside = tuple({table, *damaged_tables(lake, together)})
    return Plan(table, damage, origin.made_from, cost, blocked=blocked, set_aside=aside, work=(work,))


def _of_gold(table: TableRef, damage: str, lake: str) -> Plan:
    blocked = _first(damaged_tables(lake, _OF_EVERY_STAGE))
    cost = "the next `lakehouse run` builds all of gold, for all customers; no engine is needed before"
    rows: dict[TableRef, pa.Table] = {}
    lost: tuple[str, ...] = ()
    if table == HISTORY:
        kept = readable_rows(HISTORY, ("customer_id", "valid_from"), lake)
        rows = {} if kept is None else {HISTORY: kept}
        lost = (f"{origin_of(HISTORY).lost} ({0 if kept is None else kept.num_rows:,} versions are kept)",)
    return Plan(table, damage, origin_of(table).made_from, cost, lost, blocked, (table,), rows)


def _made_with(dataset: str) -> tuple[TableRef, ...]:
    """The tables that the stage of a dataset writes."""
    more = {"contacts": (_CONTACT_IDENTIFIERS, _MAIL_HOLDS), "consents": (_MAIL_HOLDS,)}
    return (silver(dataset), quarantine(dataset), *more.get(dataset, ()))


def _first(damaged: dict[TableRef, str]) -> str:
    if not damaged:
        return ""
    first = sorted(damaged)
    commands = " and ".join(f"`lakehouse repair {table}`" for table in first)
    return f"it needs {' and '.join(map(str, first))}, damaged too: run {commands} first"


def _count(tables: Iterable[TableRef], lake: str) -> str:
    total = 0
    for table in tables:
        try:
            total += Table(table, lake).count_rows()
        except (LakehouseError, ValueError):
            continue  # damaged, or without statistics
    return f"{total:,}"


def _nobody_makes(table: TableRef) -> TerminalError:
    return TerminalError(
        f"nobody makes a table {table}", "`lakehouse repair` without a table lists the damaged ones of the lake."
    )
