"""What happened in a run of the main job: facts collected from the ops tables and the clock, ready for JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from lakehouse.errors import RunFailed
from lakehouse.outcome import NOTHING_NEW

# In the configuration of a DAG run: other runs have just rebuilt what its parameter `full` asks for.
IS_REBUILT = "is_rebuilt"
# The same: a later ingest of this run resolves identities, for all of them.
RESOLVES_LATER = "resolves_identities_later"

# The same: the run is part of `lakehouse run`, which builds and exports whatever the time of the send.
ALLOWS_PAST_SEND = "allows_past_send"
# The same: there is no UI in which a person could approve an export.
NOBODY_ANSWERS = "nobody_answers"


@dataclass(frozen=True)
class TaskEvent:
    """A task began or ended. `seconds` is 0 at its beginning; `error` is empty unless it failed."""

    dag_id: str
    task_id: str
    state: Literal["started", "succeeded", "skipped", "retrying", "failed"]
    seconds: float = 0.0
    error: str = ""


Progress = Callable[[TaskEvent], None]


@dataclass(frozen=True)
class StageFacts:
    """One stage on one table: rows and seconds, as in ops.runs."""

    dag_id: str
    stage: str
    table: str
    status: str
    count_read: int
    count_loaded: int
    count_quarantined: int
    count_duplicate: int
    seconds: float
    message: str


@dataclass(frozen=True)
class GateFacts:
    """Newest verdict of one gate: how many rules passed, (rule, rows) that warn, (rule, rows) that block."""

    table: str
    count_passed: int
    warnings: tuple[tuple[str, int], ...]
    failures: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ExportFacts:
    """The receipt of the campaign's export in this run."""

    campaign_id: str
    platform: str
    status: str
    counts: dict[str, int]
    manifest: str


@dataclass(frozen=True)
class TaskFailure:
    """A task that failed and is not tried again, with its error as text."""

    dag_id: str
    task_id: str
    error: str

    def __str__(self) -> str:
        return f"{self.dag_id}.{self.task_id}"


@dataclass(frozen=True)
class RunSummary:
    """Everything `lakehouse run` reports about a run. Times in seconds; `spent` has the wall time by part and adds up
    to `seconds`; `outcome` says in sentences what was sent, or why nothing was."""

    engine: str
    campaign_id: str
    as_of: str
    is_full: bool
    started_at: str
    seconds: float
    run_ids: tuple[str, ...]
    stages: tuple[StageFacts, ...]
    gates: tuple[GateFacts, ...]
    segments: dict[str, int]
    export: ExportFacts | None
    failures: tuple[TaskFailure, ...]
    spent: dict[str, float]
    pages: dict[str, str]
    next_steps: tuple[str, ...]
    outcome: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether no task failed."""
        return not self.failures

    @property
    def warnings(self) -> tuple[str, ...]:
        """Stages that succeeded with a warning."""
        return tuple(
            dict.fromkeys(
                f"{stage.stage} {stage.table}: {stage.message}" for stage in self.stages if stage.status == "warning"
            )
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What stages without a warning did beyond the counts, e.g. what a snapshot deleted."""
        told = (stage for stage in self.stages if stage.status == "success" and stage.message not in ("", NOTHING_NEW))
        return tuple(dict.fromkeys(f"{stage.stage} {stage.table}: {stage.message}" for stage in told))

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and texts."""
        told = {"warnings": list(self.warnings), "notes": list(self.notes)}
        return {"succeeded": self.succeeded, **dataclasses.asdict(self), **told}

    def raise_if_failed(self) -> None:
        """Raise RunFailed naming the failed tasks; a run without failures passes."""
        if self.failures:
            raise RunFailed([str(failure) for failure in self.failures])
