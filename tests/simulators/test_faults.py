"""Scripted faults: what a file may say, which requests they happen to, and what they do."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.errors import ConfigurationError
from lakehouse.simulators.fault_file import Selection, load_faults
from lakehouse.simulators.fault_plan import chooses
from lakehouse.simulators.klaviyo import Klaviyo
from tests.simulators.klaviyo_calls import HEADERS, job_of, klaviyo, profile, send
from tests.support import http
from tests.support.simulators import simulated

GET = "/api/profiles"


@pytest.mark.parametrize(
    ("text", "line", "problem", "expected"),
    [
        ("faults:\n  - fault: slow\n    secnds: 3\n", 3, "unknown key 'secnds'", "did you mean 'seconds'"),
        ("faults:\n  - nth: 1\n", 2, "has no key 'fault'", "`key: value`"),
        ("faults:\n  - fault: sloow\n", 2, "'sloow'", "'slow'"),
        ("faults:\n  - fault: slow\n    path: '('\n", 3, "regular expression", "^POST /api/"),
        ("faults:\n  - fault: slow\n    nth: 0\n", 3, "nth", "a number from 1"),
        ("faults:\n  - fault: slow\n    nth: 1\n    every: 2\n", 2, "more than one of nth, every and share", "one of"),
        ("faults:\n  - fault: server_error\n    status: 404\n", 3, "status", "from 500 to 599"),
        ("faults:\n  - fault: import_lock\n", 2, "no import_lock", "row_errors"),
        ("fautls: []\n", 1, "'fautls'", "a list of faults"),
    ],
)
def test_a_file_that_is_wrong_is_said_to_be(tmp_path: Path, text: str, line: int, problem: str, expected: str) -> None:
    file = tmp_path / "faults.yml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_faults(file, frozenset({"row_errors"}))
    assert caught.value.line == line
    assert problem in caught.value.what and expected in caught.value.remedy


def test_the_example_is_valid_for_klaviyo() -> None:
    found = load_faults(PROJECT_ROOT / "conf" / "examples" / "faults.yml", Klaviyo.own_faults)
    assert [fault.fault for fault in found] == [
        "too_many_requests",
        "accepted_then_timeout",
        "row_errors",
        "server_error",
    ]


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"nth": 2}, [2]),
        ({"every": 3}, [3, 6]),
        ({"share": 1}, [1, 2, 3, 4, 5, 6]),
        ({"share": 0.5, "seed": 1}, [2, 3]),
        ({"share": 0.5, "seed": 2}, []),
    ],
)
def test_a_selection_chooses_the_same_every_time(selection: dict[str, Any], chosen: list[int]) -> None:
    found = Selection(**selection)
    assert [number for number in range(1, 7) if chooses(found, number)] == chosen


def test_a_share_is_about_that_share() -> None:
    assert 180 < sum(chooses(Selection(share=0.1, seed=7), number) for number in range(2000)) < 220


def test_faults_are_counted_by_path_and_end_when_they_are_used_up() -> None:
    declared = [{"fault": "server_error", "path": "^POST ", "every": 2, "times": 1}]
    with simulated("klaviyo", declared) as platform:
        statuses = [
            klaviyo(
                platform, method, GET, {"data": profile(f"{n}@example.com")} if method == "POST" else None
            ).status_code
            for n, method in enumerate(["GET", "POST", "GET", "POST", "POST", "POST"])
        ]
        assert statuses == [200, 201, 200, 503, 201, 201]
        (fault,) = platform.faults()
        assert (fault["count_matched"], fault["count_fired"], fault["requests"]) == (4, 1, [4])
        assert [each["faults"] for each in platform.requests()][3] == ["server_error"]


def test_429_says_when_to_come_back_in_three_ways() -> None:
    declared = [
        {"fault": "too_many_requests", "nth": 1, "seconds": 7},
        {"fault": "too_many_requests", "nth": 2, "seconds": 7, "retry_after": "date"},
        {"fault": "too_many_requests", "nth": 3, "retry_after": "none"},
    ]
    with simulated("klaviyo", declared, clock=lambda: 1_800_000_000.0) as platform:
        answers = [klaviyo(platform, "GET", GET) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 429, 429, 200]
    assert answers[0].headers["retry-after"] == "7"
    assert parsedate_to_datetime(answers[1].headers["retry-after"]).timestamp() == 1_800_000_007
    assert "retry-after" not in answers[2].headers


@pytest.mark.parametrize("is_applied", [False, True])
@pytest.mark.parametrize("fault", ["server_error", "connection_reset"])
def test_broken_answers_with_and_without_effect(fault: str, is_applied: bool) -> None:
    with simulated("klaviyo", [{"fault": fault, "nth": 1, "is_applied": is_applied}]) as platform:
        if fault == "server_error":
            assert send(platform, profile("a@example.com")).status_code == 503
        else:
            with pytest.raises(httpx.ReadError):
                send(platform, profile("a@example.com"))
        assert platform.state()["totals"]["count_people"] == is_applied
        assert [each["status"] for each in platform.requests()] == [503 if fault == "server_error" else None]
        assert send(platform, profile("a@example.com")).status_code == 202


def test_accepted_and_never_answered() -> None:
    with simulated("klaviyo", [{"fault": "accepted_then_timeout", "nth": 1}]) as platform:
        with pytest.raises(httpx.ReadTimeout):
            http.post(
                f"{platform.url}/api/profile-import",
                json={"data": profile("a@example.com")},
                headers=HEADERS,
                timeout=0.3,
            )
        assert list(platform.state()["people"]) == ["a@example.com"]
        assert [(each["status"], each["faults"]) for each in platform.requests()] == [(None, ["accepted_then_timeout"])]


def test_slow_answers_come_all_the_same() -> None:
    with simulated("klaviyo", [{"fault": "slow", "nth": 1, "seconds": 0.3}]) as platform:
        answer = klaviyo(platform, "GET", GET)
        assert answer.status_code == 200 and answer.elapsed.total_seconds() >= 0.3


def test_an_expired_token_is_refused() -> None:
    with simulated("klaviyo", [{"fault": "token_expired", "nth": 2}]) as platform:
        assert [klaviyo(platform, "GET", GET).status_code for _ in range(3)] == [200, 401, 200]


def test_rows_are_refused_or_skipped_in_silence() -> None:
    declared = [
        {"fault": "row_errors", "nth": 1, "rows": {"key": "^b@"}, "reason": "not today"},
        {"fault": "silent_skip", "nth": 1, "rows": {"every": 3}},
    ]
    with simulated("klaviyo", declared) as platform:
        job = send(platform, *(profile(f"{name}@example.com") for name in "abc"))
        told = job_of(platform, job)
        errors = klaviyo(platform, "GET", f"/api/profile-bulk-import-jobs/{job.json()['data']['id']}/import-errors")
        assert (told["completed_count"], told["failed_count"]) == (2, 1)
        assert [each["attributes"]["detail"] for each in errors.json()["data"]] == ["not today"]
        assert list(platform.state()["people"]) == ["a@example.com"]
        assert [(each["count_fired"], each["count_rows"]) for each in platform.faults()] == [(1, 1), (1, 1)]


def test_a_job_that_is_stuck_never_ends() -> None:
    with simulated("klaviyo", [{"fault": "job_stuck", "nth": 1}]) as platform:
        stuck, good = send(platform, profile("a@example.com")), send(platform, profile("b@example.com"))
        assert [job_of(platform, each)["status"] for each in (stuck, good)] == ["processing", "complete"]
        assert list(platform.state()["people"]) == ["b@example.com"]
