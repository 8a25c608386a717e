"""The error tree. `Terminal` errors need a person, `Transient` ones may be retried; nothing else decides a retry.

Every constructor takes facts; every message says what happened, to what, and ends with what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class LakehouseError(Exception):
    """Base of all errors this project raises on purpose. `outcomes`: a TableOutcome for each part of the work that was
    done all the same."""

    outcomes: tuple[Any, ...] = ()

    def __init__(self, what: str, remedy: str) -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what.rstrip('.')}. {remedy}")


class TerminalError(LakehouseError):
    """Running it again changes nothing: data, configuration or installation must change first."""


class TransientError(LakehouseError):
    """The same call may succeed later: a dead engine, a lost commit race, an unreachable server."""


class ConfigurationError(TerminalError):
    """A file below the configuration folder, or a setting, is wrong."""

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
    """An expression in sources.yml cannot be evaluated; nothing of the delivery went into silver."""

    def __init__(self, source: str, dataset: str, column: str, expression: str, problem: str) -> None:
        self.source, self.dataset, self.column, self.expression = source, dataset, column, expression
        super().__init__(
            f"source {source}, dataset {dataset}: the expression for {column}, `{expression}`, {problem}",
            "Correct it in sources.yml and run again. Where values may be malformed use a form that gives null instead of failing"
            " (try_cast(x as ...), try_to_timestamp): only the rows concerned then go to quarantine.",
        )


class SourceUnavailableError(TransientError):
    """A source location, database or API cannot be reached."""

    def __init__(self, source: str, problem: str, remedy: str) -> None:
        self.source = source
        super().__init__(f"source {source}: {problem}", remedy)


class UnreadableFileError(TerminalError):
    """One delivered file cannot be read as declared; it is set aside whole and the others go on."""

    def __init__(self, file: str, reason: str) -> None:
        self.file, self.reason = file, reason
        super().__init__(f"file {file} was set aside: {reason}", "Deliver it again, corrected, under any name.")


class BalanceError(TerminalError):
    """read != loaded + quarantined + duplicates: rows were lost or invented."""

    def __init__(self, table: str, read: int, loaded: int, quarantined: int, duplicates: int) -> None:
        super().__init__(
            f"{table}: {read} rows read but {loaded} loaded + {quarantined} quarantined + {duplicates} duplicates",
            "This is a defect of the job, nothing was marked as processed; keep the landing files and report it.",
        )


class QualityGateFailed(TerminalError):  # noqa: N818 - the name users see in Airflow
    """A blocking expectation failed: on silver, gold keeps its last good content; on gold, nothing is exported of what
    was built."""

    def __init__(self, table: str, failures: list[tuple[str, int]]) -> None:
        self.table, self.failures = table, failures
        listed = "; ".join(f"{rule}: {rows} rows" for rule, rows in failures)
        if table.startswith("gold."):
            remedy = "Gold is built and holds what the gate refused; nothing was exported of it. See Data Docs, mend the data or the model, and run again."
        else:
            remedy = (
                "The last good gold stays in place. See `lakehouse quarantine list` and Data Docs, mend the data or the contract, and run again; "
                "rows that are in the table already are judged by a changed contract with `lakehouse run --full`."
            )
        if any(rule.endswith(".rows.kept") for rule, _ in failures):
            remedy += " If the missing rows were deleted on purpose, `lakehouse run --full` once takes the table as it is now."
        super().__init__(f"quality gate of {table} blocked: {listed}", remedy)


class EngineUnavailableError(TransientError):
    """The engine is not running, died under a query, or did not answer in time."""

    def __init__(
        self, problem: str, remedy: str = "Run `lakehouse engine status`, then `lakehouse engine start`."
    ) -> None:
        super().__init__(f"engine: {problem}", remedy)


class EngineMemoryError(TerminalError):
    """A query did not fit into the engine's memory limit."""

    def __init__(self, query: str, limit: str) -> None:
        super().__init__(
            f"query `{query}` did not fit into the engine's memory limit of {limit}",
            "Raise LAKEHOUSE_ENGINE_MEMORY_GB, or run it on the other engine with LAKEHOUSE_ENGINE=spark.",
        )


class NoRoomError(TerminalError):
    """The disk is full, or a quota is used up; what was begun is not published."""

    def __init__(self, work: str, problem: str) -> None:
        super().__init__(
            f"{work}: {problem}",
            "Make room where LAKEHOUSE_HOME and the lake are, then run again: it goes on where it stopped.",
        )


class CommitConflictError(TransientError):
    """Another writer committed to the table first, more often than we were willing to try again."""

    def __init__(self, table: str, attempts: int) -> None:
        super().__init__(
            f"{table}: commit lost {attempts} times to another writer",
            "Run one writer per table at a time, then run again.",
        )


class RunFailed(TerminalError):  # noqa: N818 - reads as the outcome it is
    """A run ended with failed stages; the summary names each with its error."""

    def __init__(self, stages: list[str]) -> None:
        super().__init__(
            f"failed stages: {', '.join(stages)}",
            "Each is explained above; after mending the cause, run again: finished work is not repeated.",
        )


class OldLakeError(TerminalError):
    """The tables were made by an earlier version of this project, and a normal run cannot go on from them."""

    def __init__(self, lake: str, found: int, wanted: int) -> None:
        of = f"has layout {found}" if found else "has no layout number"
        super().__init__(
            f"the lake {lake} was made by an earlier version of this project: it {of}, this version needs {wanted}",
            "Run `lakehouse run --full` once: it rebuilds every table from what was delivered. What is sent or acknowledged stays known.",
        )


class MissingTableError(TerminalError):
    """A table that is to be read does not exist (yet)."""

    def __init__(self, table: str, known: list[str]) -> None:
        self.table, self.known = table, known
        tables = (
            f"Tables of the lake: {', '.join(known)}."
            if known
            else "The lake has no tables yet: `lakehouse run` fills it."
        )
        super().__init__(f"there is no table {table}", tables)


class QueryError(TerminalError):
    """A query cannot be answered: it does not parse, asks for what is not there, or is not a plain read of the lake."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"query: {problem}", remedy)


class ExportRefusedError(TerminalError):
    """An export would do harm; nothing was sent but removals of customers who must not be written to."""

    def __init__(self, campaign_id: str, platform: str, problem: str, remedy: str) -> None:
        self.campaign_id, self.platform = campaign_id, platform
        super().__init__(f"export of campaign {campaign_id} to {platform} refused: {problem}", remedy)


class ExportRunningError(TransientError):
    """Another process exports the same campaign to the same platform at this moment."""

    def __init__(self, campaign_id: str, platform: str) -> None:
        super().__init__(
            f"campaign {campaign_id} is being exported to {platform} by another process",
            "Wait for it to end, then run again.",
        )


def all_in_one(dataset: str, errors: Sequence[LakehouseError]) -> LakehouseError:
    """One error for those of several sources of a dataset, each with its own remedy: worth a retry only when all of
    them are."""
    if len(errors) == 1:
        return errors[0]
    is_transient = all(isinstance(error, TransientError) for error in errors)
    kind = TransientError if is_transient else TerminalError
    return kind(f"{len(errors)} sources of {dataset} failed", " | ".join(map(str, errors)))
