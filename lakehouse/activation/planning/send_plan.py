"""The plan of a send, as it is kept in plan.json and shown to people. No personal data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from lakehouse.activation.guards.facts import Fired
from lakehouse.activation.planning import PLAN
from lakehouse.utils.atomic_files import write_private

_READINESS = {
    "at_once": "when the last call is answered",
    "job": "when the platform's job has ended",
    "eventually": "some time after the last call",
}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class PlannedRows(_Frozen):
    """Customers by what would be done for them. `formerly_rejected` are some of those added and changed."""

    added: int
    changed: int
    removed: int
    unchanged: int
    formerly_rejected: int

    @property
    def to_send(self) -> int:
        """Number of customers who are sent."""
        return self.added + self.changed + self.removed


class SendPlan(_Frozen):
    """What the next export of a campaign would do.

    Attributes:
        run_id: the run that made the plan; empty for one made by hand.
        deadline: when everything has to be ready; None for a run about another time than now.
        calls: number of calls by kind, at least; empty for a destination without calls.
        bytes: of all rows as they are sent.
        seconds: from the first call to the answer to the last one, at the platform's limits.
        settling_seconds: from then until a send finds the rows.
        readiness: when the destination has them, as its capabilities say.
        ready_at: when a send would find everything, if the export began now.
        rows_at_risk: rows that would not be ready by the deadline.
        fired: guards that ask a person before the export.
    """

    export_id: str
    campaign_id: str
    platform: str
    target_sha256: str
    run_id: str
    made_at: datetime
    send_at: datetime
    deadline: datetime | None
    rows: PlannedRows
    audience: int
    holdout: int
    suppressed: int
    calls: dict[str, int]
    bytes: int
    seconds: float
    settling_seconds: float
    readiness: str
    ready_at: datetime
    rows_at_risk: int
    fired: tuple[Fired, ...] = ()

    @property
    def title(self) -> str:
        """What it is the plan of."""
        return f"Plan of {self.campaign_id} to {self.platform}"

    @property
    def table(self) -> list[tuple[str, str]]:
        """Label and value, line by line."""
        rows = self.rows
        lines = [
            ("new", f"{rows.added:,}"),
            ("changed", f"{rows.changed:,}"),
            ("removed", f"{rows.removed:,}"),
            ("unchanged", f"{rows.unchanged:,}"),
            ("formerly rejected", f"{rows.formerly_rejected:,}"),
            ("calls", _calls(self.calls)),
            ("bytes", f"{self.bytes:,}"),
            ("takes", f"{_duration(self.seconds)}; usable {_READINESS[self.readiness]}"),
            ("in time", self.in_time),
        ]
        return lines if self.deadline is None else [*lines, ("rows at risk", f"{self.rows_at_risk:,}")]

    @property
    def in_time(self) -> str:
        """When it is ready, and by when it has to be."""
        if self.deadline is None:
            return f"ready {_duration(self.seconds + self.settling_seconds)} after it begins; no deadline"
        is_today = self.ready_at.date() == self.deadline.date() == self.made_at.date()
        form = "%H:%M" if is_today else "%Y-%m-%d %H:%M"
        return f"ready {self.ready_at:{form}}, deadline {self.deadline:{form}} UTC"

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        rows = self.rows
        what = f"{rows.added:,} new, {rows.changed:,} changed, {rows.removed:,} removed, {rows.unchanged:,} unchanged"
        return f"{self.title}: {what}; {sum(self.calls.values()):,} calls, {self.bytes:,} bytes; {self.in_time}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should look at before anything leaves."""
        asks = tuple(f"a person has to approve it: {one.sentence}" for one in self.fired)
        if not self.rows_at_risk or self.deadline is None:
            return asks
        return (
            *asks,
            f"{self.rows_at_risk:,} of {self.rows.to_send:,} rows would not be ready by the deadline"
            f" ({self.deadline:%Y-%m-%d %H:%M} UTC): begin earlier, or raise the limits of account {self.platform}",
        )

    def write(self, folder: Path) -> Path:
        """Write it into the folder of its export, for its owner only."""
        path = folder / PLAN
        write_private(path, (self.model_dump_json(indent=2) + "\n").encode())
        return path

    @classmethod
    def read(cls, folder: Path) -> SendPlan | None:
        """The plan in the folder of an export; None when there is none."""
        try:
            return cls.model_validate_json((folder / PLAN).read_bytes())
        except FileNotFoundError:
            return None


def plans_of_run(outbox: Path, campaign_id: str, run_id: str) -> list[SendPlan]:
    """The plans that a run has made of a campaign, by destination."""
    found = [SendPlan.read(path.parent) for path in sorted(outbox.glob(f"*/{campaign_id}/*/{PLAN}"))]
    return [plan for plan in found if plan is not None and plan.run_id == run_id]


def _calls(calls: dict[str, int]) -> str:
    if not calls:
        return "0"
    named = ", ".join(f"{count:,} {kind}" for kind, count in calls.items())
    return named if len(calls) == 1 else f"{sum(calls.values()):,} ({named})"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    return f"{seconds / 60:,.1f} minutes" if seconds >= 60 else f"{seconds:.0f} seconds"
