"""SendGrid's jobs: contacts that are written or deleted later, and what came of it."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from lakehouse.simulators.call import RowFault
from lakehouse.simulators.jobs import Job
from lakehouse.simulators.sendgrid.contacts import ContactError, Contacts, key_of

_COUNTS = ("requested_count", "created_count", "updated_count", "deleted_count", "errored_count")


def upsert(
    contacts: Contacts,
    rows: Sequence[dict[str, Any]],
    faults: Sequence[RowFault | None],
    lists: Sequence[str],
    now: float,
    seconds: float,
) -> Job:
    """A job that writes contacts and puts them into lists."""

    def work(job: Job) -> None:
        for row, fault in zip(rows, faults, strict=True):
            try:
                if fault is not None and fault.reason is not None:
                    raise ContactError("", fault.reason)
                is_new = fault is None and contacts.write(row, job.ends_at)
                job.facts["created_count" if is_new else "updated_count"] += 1
                person = contacts.people.get(key_of(row))
                if fault is None and person is not None:
                    for id in lists:
                        person.join(id, job.ends_at)
            except ContactError as error:
                job.facts["errored_count"] += 1
                job.facts["errors"].append([key_of(row), f"{error.field} {error.message}".strip()])

    return _job("upsert", len(rows), now, seconds, work)


def removal(contacts: Contacts, keys: Sequence[str], now: float, seconds: float) -> Job:
    """A job that deletes contacts."""

    def work(job: Job) -> None:
        job.facts["deleted_count"] += sum(contacts.remove(key) for key in keys)

    return _job("delete", len(keys), now, seconds, work)


def leaving(contacts: Contacts, keys: Sequence[str], list_id: str, now: float, seconds: float) -> Job:
    """A job that takes contacts out of a list."""

    def work(job: Job) -> None:
        for person in filter(None, map(contacts.people.get, keys)):
            person.leave(list_id)
            job.facts["deleted_count"] += 1

    return _job("delete", len(keys), now, seconds, work)


def shown(job: Job, now: float, address: str) -> dict[str, Any]:
    """A job as the import status: pending until it ends, then completed, errored (some) or failed (all)."""
    counts = {name: job.facts[name] for name in _COUNTS}
    errored, requested = counts["errored_count"], counts["requested_count"]
    status = "failed" if errored and errored == requested else "errored" if errored else "completed"
    is_done = job.phase(now) == "done"
    results: dict[str, Any] = {**counts, "errors_url": f"{address}/signed/{job.id}/errors.csv" if errored else ""}
    return {
        "id": job.id,
        "status": status if is_done else "pending",
        "job_type": job.facts["job_type"],
        "results": results,
        "started_at": _moment(job.created_at),
        "finished_at": _moment(job.ends_at) if is_done else "",
    }


def errors_csv(job: Job) -> bytes:
    """The file that `errors_url` leads to."""
    text = io.StringIO()
    csv.writer(text).writerows([["email", "error"], *job.facts["errors"]])
    return text.getvalue().encode()


def _job(kind: str, count: int, now: float, seconds: float, work: Callable[[Job], None]) -> Job:
    facts = {**dict.fromkeys(_COUNTS, 0), "requested_count": count, "job_type": kind, "errors": []}
    return Job(str(uuid.uuid4()), now, seconds, work, facts)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
