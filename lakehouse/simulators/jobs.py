"""Work that a platform accepts now and does later. What it will do is applied at the moment it ends."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

_MOST = 10_000  # jobs that are remembered; the oldest ended ones go first
_QUEUED_SHARE = 0.1  # of its time a job waits before it is at work


@dataclass
class Job:
    """One job.

    Attributes:
        seconds: from its creation to its end; infinite for one that is stuck.
        work: applies what was sent; called once, at the end.
        facts: whatever the platform notes about it: counts, errors.
    """

    id: str
    created_at: float
    seconds: float
    work: Callable[[Job], None]
    facts: dict[str, Any] = field(default_factory=dict)
    is_done: bool = False

    @property
    def ends_at(self) -> float:
        """When it is done, in seconds since 1970."""
        return self.created_at + self.seconds

    @property
    def starts_at(self) -> float:
        """When it leaves the queue; a job that is stuck does so at once."""
        return self.created_at + (0.0 if math.isinf(self.seconds) else self.seconds * _QUEUED_SHARE)

    def phase(self, now: float) -> str:
        """queued, working or done."""
        return "done" if self.is_done else "queued" if now < self.starts_at else "working"


class Jobs:
    """The jobs of a platform, in the order in which they were created."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs.values())

    def add(self, job: Job) -> Job:
        """Remember a job; one that takes no time is done at once by the next `settle`."""
        self._jobs[job.id] = job
        while len(self._jobs) > _MOST:
            ended = next((name for name, found in self._jobs.items() if found.is_done), None)
            if ended is None:
                break
            del self._jobs[ended]
        return job

    def get(self, id: str) -> Job | None:
        """The job with that id."""
        return self._jobs.get(id)

    def is_busy(self) -> bool:
        """Whether a job is not done."""
        return any(not job.is_done for job in self._jobs.values())

    def settle(self, now: float) -> None:
        """Do the work of all jobs whose end has come, in the order of their ends."""
        due = [job for job in self._jobs.values() if not job.is_done and job.ends_at <= now]
        for job in sorted(due, key=lambda found: found.ends_at):
            job.work(job)
            job.is_done = True

    def shown(self, now: float) -> dict[str, Any]:
        """Jobs in `/_sim/state`."""
        return {job.id: {"phase": job.phase(now), **job.facts} for job in self._jobs.values()}
