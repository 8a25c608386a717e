"""The error tree. Terminal errors need a person, transient ones may be retried; nothing else decides about a retry.

Constructors take facts. Messages say what happened, to what, and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from lakehouse.messages import said


class LakehouseError(Exception):
    """Base of all errors that this project raises on purpose.

    Its texts are cleaned here (`lakehouse.messages`), so they may be shown, logged and kept.

    Attributes:
        what: what happened, to what.
        remedy: what to do.
        outcomes: a TableOutcome for each part of the work that succeeded.
    """

    outcomes: tuple[Any, ...] = ()

    def __init__(self, what: str, remedy: str) -> None:
        self.what = said(what)
        self.remedy = said(remedy)
        super().__init__(f"{self.what.rstrip('.')}. {self.remedy}")


class TerminalError(LakehouseError):
    """A retry fails again: data, configuration or installation must change first."""


class TransientError(LakehouseError):
    """A retry may succeed: the engine died, another writer committed first, a server could not be reached."""


class ConfigurationError(TerminalError):
    """A configuration file or a setting is not valid."""

    def __init__(self, file: str, line: int | None, problem: str, expected: str) -> None:
        self.file, self.line = file, line
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where}: {problem}", f"Expected: {expected}.")


class ContractError(TerminalError):
    """A dataset as a whole does not fit its contract (required column missing, unknown dataset)."""

    def __init__(self, dataset: str, problem: str, remedy: str) -> None:
        self.dataset = dataset
        super().__init__(f"dataset {dataset}: {problem}", remedy)


class MappingError(TerminalError):
    """An expression in sources.yml cannot be evaluated; nothing of the delivery was loaded into silver."""

    def __init__(self, source: str, dataset: str, column: str, expression: str, problem: str) -> None:
        self.source, self.dataset, self.column, self.expression = source, dataset, column, expression
        super().__init__(
            f"source {source}, dataset {dataset}: the expression for {column}, `{expression}`, {problem}",
            "Correct it in sources.yml and run again. If values may be malformed, use a function that returns null"
            " instead of failing, such as try_cast(x as ...) or try_to_timestamp: then only such rows are quarantined.",
        )


class SourceUnavailableError(TransientError):
    """The location, database or API of a source cannot be reached."""

    def __init__(self, source: str, problem: str, remedy: str) -> None:
        self.source = source
        super().__init__(f"source {source}: {problem}", remedy)


class UnreadableFileError(TerminalError):
    """A delivered file cannot be read as declared; the whole file is set aside, and the others are loaded."""

    def __init__(self, file: str, reason: str) -> None:
        self.file, self.reason = said(file), said(reason)
        super().__init__(f"file {file} was set aside: {reason}", "Correct it and deliver it again, under any name.")


class BalanceError(TerminalError):
    """read != loaded + quarantined + duplicates: rows were lost or added."""

    def __init__(self, table: str, read: int, loaded: int, quarantined: int, duplicates: int) -> None:
        super().__init__(
            f"{table}: {read} rows read but {loaded} loaded + {quarantined} quarantined + {duplicates} duplicates",
            "This is a bug in the job. Nothing was marked as processed: keep the landing files and report it.",
        )


class QualityGateFailed(TerminalError):  # noqa: N818 - the name users see in Airflow
    """A blocking expectation failed. On silver, gold is not built; on gold, nothing is exported."""

    def __init__(self, table: str, failures: list[tuple[str, int]], said: Sequence[str] = ()) -> None:
        """`failures`: rules and rows that break them; `said`: the same in words, with what was found and expected."""
        self.table, self.failures = table, failures
        listed = "; ".join(said or [f"{rule}: {rows} rows" for rule, rows in failures])
        if table.startswith("gold."):
            remedy = (
                "Gold has been built and contains the rows that failed, but nothing was exported. See Data Docs, fix"
                " the data or the model, and run again."
            )
        else:
            remedy = (
                "Gold was not rebuilt and keeps its last good content. See `lakehouse quarantine list` and Data Docs,"
                " fix the data or the contract, and run again. To apply a changed contract to rows that are in the"
                " table already, run `lakehouse run --full`."
            )
        if any(rule.endswith(".kept") for rule, _ in failures):
            remedy += (
                " If the missing rows were deleted on purpose, run"
                f" `lakehouse gate accept {table} --reason ...` and then again."
            )
        if any(rule.endswith(".rows.accepted_mostly") for rule, _ in failures):
            remedy += (
                " Most of what a source delivered last was rejected or set aside: have it delivered again,"
                " correct the mapping and replay (`lakehouse quarantine replay`), dismiss the rows (`lakehouse"
                " quarantine dismiss`), or raise LAKEHOUSE_REJECTED_BLOCK_SHARE."
            )
        if any(rule.endswith(".references_share") for rule, _ in failures):
            remedy += (
                " Where rows refer to something unknown, deliver what they refer to, or take the column out of the"
                " mapping of the source that is named."
            )
        super().__init__(f"quality gate of {table} blocked: {listed}", remedy)


class EngineUnavailableError(TransientError):
    """The engine is not running, died during a query, or did not answer in time."""

    def __init__(
        self, problem: str, remedy: str = "Run `lakehouse engine status`, then `lakehouse engine start`."
    ) -> None:
        super().__init__(f"engine: {problem}", remedy)


class EngineMemoryError(TerminalError):
    """A query did not fit into the engine's memory limit."""

    def __init__(self, query: str, limit: str) -> None:
        super().__init__(
            f"query `{query}` did not fit into the engine's memory limit of {limit}",
            "Raise LAKEHOUSE_ENGINE_MEMORY_GB, or use the other engine with LAKEHOUSE_ENGINE=spark.",
        )


class StageTimeoutError(TerminalError):
    """A stage took longer than the settings allow, and was ended."""

    def __init__(self, stage: str, target: str, hours: float) -> None:
        super().__init__(
            f"{stage} {target} took longer than {hours:g} hours and was ended",
            "See its log for what took so long. If it may, raise LAKEHOUSE_STAGE_TIMEOUT_HOURS; then run again:"
            " finished work is not repeated.",
        )


class DiskFullError(TerminalError):
    """The disk is full, or a quota is used up; unfinished work is not published."""

    def __init__(self, work: str, problem: str) -> None:
        super().__init__(
            f"{work}: {problem}",
            "Make room where LAKEHOUSE_HOME and the lake are, then run again: finished work is not repeated.",
        )


class NoAccessError(TerminalError):
    """The operating system refuses a file to the user who runs this."""

    def __init__(self, work: str, path: Path, seen: Path, owner: str, mode: int, user: str) -> None:
        """`seen`: the path, or the nearest folder above it that can be looked at, with its owner and mode."""
        self.path = path
        where = "it" if seen == path else f"the folder {seen}"
        if owner == user:
            remedy = f"Run `chmod u+rwX {seen}`, or check that its disk is not mounted read-only."
        else:
            remedy = (
                f"Run as {owner}, or have {seen} given to {user} (`sudo chown {user} {seen}`). Always run the lakehouse"
                " as the same user; `lakehouse doctor` names what belongs to another one."
            )
        super().__init__(
            f"{work}: the user {user} may not use {path}: {where} belongs to {owner}, mode {mode:o}", remedy
        )


class CommitConflictError(TransientError):
    """Another writer committed to the table first, at every attempt."""

    def __init__(self, table: str, attempts: int) -> None:
        super().__init__(
            f"{table}: commit lost {attempts} times to another writer",
            "Make sure that only one writer per table runs at a time, then run again.",
        )


class GoldBusyError(TransientError):
    """Another run builds gold, or is about to read it."""

    def __init__(self, waited_seconds: float) -> None:
        super().__init__(
            f"another run is at work on gold, and was not done after {waited_seconds:.0f} s",
            "Wait until it has ended, then run again.",
        )


class BuildOvertakenError(TerminalError):
    """Another run has begun to build gold while this one did."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"run {run_id} has begun to build gold since this run did: what that one leaves counts",
            "Wait for it. If profiles are wanted as of the moment of this run, run this one again afterwards.",
        )


class OtherGoldError(TransientError):
    """Gold is not what this run built and checked: another run has built it since, or is about to."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"gold is not what this run needs: {problem}",
            "Run the campaign, or `lakehouse run`: gold is built first then.",
        )


class RunFailed(TerminalError):  # noqa: N818 - reads as the outcome it is
    """A run ended with failed stages; the summary names each with its error."""

    def __init__(self, stages: list[str]) -> None:
        super().__init__(
            f"failed stages: {', '.join(stages)}",
            "The error of each is above. Fix the cause and run again: finished work is not repeated.",
        )


class FutureAsOfError(TerminalError):
    """A run would look back from a moment that has not come."""

    def __init__(self, as_of: datetime) -> None:
        super().__init__(
            f"the as-of moment {as_of:%Y-%m-%dT%H:%M:%SZ} is more than a day from now: profiles would look back from"
            " it, and their history could not go on before it",
            "Use a moment that has come, or leave --as-of out to look back from now.",
        )


class OldLakeError(TerminalError):
    """The tables were made by an earlier version of this project and have to be rebuilt."""

    def __init__(self, lake: str, found: int, wanted: int) -> None:
        layout = f"has layout {found}" if found else "has no layout number"
        super().__init__(
            f"the lake {lake} was made by an earlier version of this project: it {layout}, this version needs {wanted}",
            "Run `lakehouse run --full` once: it rebuilds every table from what was delivered. The record of what was"
            " sent and acknowledged is kept.",
        )


class MissingTableError(TerminalError):
    """A table to be read does not exist (yet)."""

    def __init__(self, table: str, known: list[str]) -> None:
        self.table, self.known = table, known
        tables = (
            f"Tables of the lake: {', '.join(known)}."
            if known
            else "The lake has no tables yet: `lakehouse run` creates them."
        )
        super().__init__(f"there is no table {table}", tables)


class DamagedTableError(TerminalError):
    """Tables cannot be read, because files of theirs are gone, cut or overwritten."""

    def __init__(self, damaged: Mapping[str, str]) -> None:
        """`damaged`: table -> what is wrong with it."""
        self.damaged = dict(damaged)
        listed = "; ".join(f"{table}: {problem}" for table, problem in self.damaged.items())
        first = next(iter(self.damaged))
        super().__init__(
            f"damaged: {listed}",
            f"`lakehouse repair {first}` says what it can be made from again, what would be lost and what it costs,"
            " and asks before it does so. `lakehouse doctor` lists every damaged table.",
        )


class QueryError(TerminalError):
    """A query is not valid, fails, or does more than read tables of the lake."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"query: {problem}", remedy)


class ExportRefusedError(TerminalError):
    """An export would do harm; only customers who must not be written to were removed."""

    def __init__(self, campaign_id: str, destination: str, problem: str, remedy: str) -> None:
        self.campaign_id, self.destination = campaign_id, destination
        super().__init__(f"export of campaign {campaign_id} to {destination} refused: {problem}", remedy)


class ExportRunningError(TransientError):
    """Another process is exporting the same campaign to the same destination."""

    def __init__(self, campaign_id: str, destination: str) -> None:
        super().__init__(
            f"another process is exporting campaign {campaign_id} to {destination}",
            "Wait until it has ended, then run again.",
        )


def combined_error(parts: str, errors: Sequence[LakehouseError]) -> LakehouseError:
    """One error for those of several parts of some work, each with its own remedy; transient only if all are."""
    if len(errors) == 1:
        return errors[0]
    is_transient = all(isinstance(error, TransientError) for error in errors)
    kind = TransientError if is_transient else TerminalError
    return kind(f"{len(errors)} {parts} failed", " | ".join(map(str, errors)))
