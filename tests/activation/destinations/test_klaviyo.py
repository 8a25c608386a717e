"""Klaviyo: how a row looks in a job, and how a job's errors are read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from lakehouse.activation.destinations.klaviyo import Klaviyo
from lakehouse.activation.destinations.platform import Answer, Call, Item, Rejection, Row, UnreadableAnswerError
from lakehouse.activation.destinations.platform_kind import Audience

PLATFORM = Klaviyo(Audience("win-back"))
ROW = Row("c1", "added", "ann@x.test", {"first_name": "Ann", "spend": 12.5, "top": None, "title": None}, "h")


def test_a_profile() -> None:
    assert json.loads(PLATFORM.encode(ROW)) == {
        "type": "profile",
        "attributes": {
            "external_id": "c1",
            "email": "ann@x.test",
            "first_name": "Ann",
            "properties": {"audience_win_back": True, "spend": 12.5},
        },
        "meta": {"patch_properties": {"unset": ["top"]}},
    }


def test_a_removal_takes_back_the_marker_and_nothing_else() -> None:
    removal = Row("c1", "removed", "", {}, "")
    assert json.loads(PLATFORM.encode(removal)) == {
        "type": "profile",
        "attributes": {"external_id": "c1", "properties": {"audience_win_back": False}},
    }


def _delivered(answers: dict[str, list[Any]], count: int = 3) -> Any:
    items = [Item(Row(f"c{number}", "added", "", {}, ""), b"{}") for number in range(count)]

    async def call(made: Call) -> Answer:
        status, body = answers[made.path].pop(0)
        return Answer(status, {}, json.dumps(body).encode())

    return asyncio.run(PLATFORM.deliver(items, call))


JOBS = "/api/profile-bulk-import-jobs"
CREATED = {JOBS: [(202, {"data": {"id": "j1"}})]}


def _job(status: str, failed: int) -> tuple[int, Any]:
    return 200, {"data": {"id": "j1", "attributes": {"status": status, "failed_count": failed}}}


def test_errors_are_read_page_by_page() -> None:
    pointed = {
        "code": "invalid",
        "detail": "'bad' is not valid",
        "source": {"pointer": "/data/attributes/profiles/data/2"},
    }
    repeated = {"code": "x", "title": "Suppressed", "original_payload": {"attributes": {"external_id": "c0"}}}
    answers = CREATED | {
        f"{JOBS}/j1": [_job("processing", 0), _job("complete", 2)],
        f"{JOBS}/j1/import-errors": [
            (
                200,
                {"data": [{"attributes": pointed}], "links": {"next": f"https://a.test{JOBS}/j1/import-errors?page=2"}},
            )
        ],
        f"{JOBS}/j1/import-errors?page=2": [(200, {"data": [{"attributes": repeated}], "links": {"next": None}})],
    }
    assert _delivered({path: list(made) for path, made in answers.items()}).rejected == {
        2: Rejection("invalid: '...' is not valid"),
        0: Rejection("x: Suppressed", has_refused=True),
    }


@pytest.mark.parametrize("errors", [[], [{"attributes": {"code": "x", "title": "y"}}]])
def test_a_failure_without_a_profile_is_no_success(errors: list[Any]) -> None:
    answers = {JOBS: [(202, {"data": {"id": "j1"}})], f"{JOBS}/j1": [_job("complete", 1)]}
    answers[f"{JOBS}/j1/import-errors"] = [(200, {"data": errors, "links": {}})]
    with pytest.raises(UnreadableAnswerError):
        _delivered(answers)
