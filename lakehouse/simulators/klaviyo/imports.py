"""Klaviyo's bulk imports: accepted as a job, applied when it ends, with the rows that failed to be read then."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from lakehouse.simulators.call import Answer, Call, RowFault
from lakehouse.simulators.jobs import Job, Jobs
from lakehouse.simulators.klaviyo.documents import (
    InvalidError,
    absent,
    document,
    moment,
    page,
    page_size,
    resource,
    resources,
)
from lakehouse.simulators.klaviyo.lists import Lists
from lakehouse.simulators.klaviyo.profiles import Profiles, RowError, check_shape, key_of
from lakehouse.simulators.reading import inner, objects

_KIND, _PATH = "profile-bulk-import-job", "/api/profile-bulk-import-jobs"
_MOST = 10_000  # profiles
_KEPT_SECONDS = 7 * 86_400.0
_POINTER = "/data/attributes/profiles/data"


class Imports:
    """The import jobs."""

    def __init__(self, jobs: Jobs, profiles: Profiles, lists: Lists) -> None:
        self._jobs, self._profiles, self._lists = jobs, profiles, lists

    def create(self, call: Call) -> Answer:
        """POST /api/profile-bulk-import-jobs"""
        (data,) = resources(call, _KIND)
        rows = inner(data, "attributes", "profiles", "data")
        if not isinstance(rows, list) or not rows:
            raise InvalidError("'profiles' must have data: a list of profiles.", "/data/attributes/profiles")
        if len(rows) > _MOST:
            raise InvalidError(f"The maximum number of profiles is {_MOST}.", _POINTER)
        for at, row in enumerate(rows):
            check_shape(row, f"{_POINTER}/{at}")
        into = _list_ids(data)
        for at, id in enumerate(into):
            if id not in self._lists.names:
                raise InvalidError(f"A list with id {id} does not exist.", f"/data/relationships/lists/data/{at}")
        faults = [call.row_fault(at, key_of(row)) for at, row in enumerate(rows)]
        job = Job(str(uuid.uuid4()), call.now, call.job_seconds(), partial(self._apply, rows, faults, into))
        job.facts = {"total_count": len(rows), "completed_count": 0, "failed_count": 0, "errors": [], "lists": into}
        self._jobs.add(job)
        self._jobs.settle(call.now)
        return document(_shown(job, call.now), 202)

    def get(self, call: Call) -> Answer:
        """GET /api/profile-bulk-import-jobs/{id}"""
        job = self._jobs.get(call.parameters["id"])
        return document(_shown(job, call.now)) if job else absent(_KIND, call.parameters["id"])

    def list_all(self, call: Call) -> Answer:
        """GET /api/profile-bulk-import-jobs"""
        return page(call, [_shown(job, call.now) for job in self._jobs], page_size(call, 20, 100))

    def errors(self, call: Call) -> Answer:
        """GET /api/profile-bulk-import-jobs/{id}/import-errors"""
        job = self._jobs.get(call.parameters["id"])
        return (
            page(call, job.facts["errors"], page_size(call, 20, 100)) if job else absent(_KIND, call.parameters["id"])
        )

    def _apply(
        self, rows: Sequence[dict[str, Any]], faults: Sequence[RowFault | None], into: Sequence[str], job: Job
    ) -> None:
        for at, (row, fault) in enumerate(zip(rows, faults, strict=True)):
            try:
                if fault is not None and fault.reason is not None:
                    raise RowError("invalid", fault.reason)
                if fault is None:
                    person = self._profiles.write(row, job.ends_at, nulls_clear=False)
                    for id in into:
                        person.join(id, job.ends_at)
                job.facts["completed_count"] += 1
            except RowError as error:
                job.facts["failed_count"] += 1
                job.facts["errors"].append(_import_error(at, row, error))


def _import_error(at: int, row: dict[str, Any], error: RowError) -> dict[str, Any]:
    pointer = f"{_POINTER}/{at}" + (f"/attributes/{error.attribute}" if error.attribute else "")
    attributes = {
        "code": error.code,
        "title": "Invalid input." if error.code == "invalid" else "Conflict.",
        "detail": error.detail,
        "source": {"pointer": pointer},
        "original_payload": row["attributes"],
    }
    return {"type": "import-error", "id": str(uuid.uuid4()), "attributes": attributes}


def _list_ids(data: dict[str, Any]) -> list[str]:
    lists = objects(inner(data, "relationships", "lists", "data"), "lists.data")
    return [str(each.get("id")) for each in lists]


def _shown(job: Job, now: float) -> dict[str, Any]:
    phase = job.phase(now)
    attributes = {
        "status": {"queued": "queued", "working": "processing", "done": "complete"}[phase],
        "created_at": moment(job.created_at),
        "total_count": job.facts["total_count"],
        "completed_count": job.facts["completed_count"],
        "failed_count": job.facts["failed_count"],
        "started_at": moment(None if phase == "queued" else job.starts_at),
        "completed_at": moment(job.ends_at if phase == "done" else None),
        "expires_at": moment(job.created_at + _KEPT_SECONDS),
    }
    lists = {"data": [{"type": "list", "id": id} for id in job.facts["lists"]]}
    return resource(_KIND, job.id, _PATH, attributes, relationships={"lists": lists})
