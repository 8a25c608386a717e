"""The simulated Braze keeps Braze's limits, bodies and errors.

There is no usable Python client of Braze to check it with: the one on PyPI needs a version of tenacity that our other
dependencies do not allow. These tests follow Braze's documentation.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support import http
from tests.support.simulators import TOKEN, Simulated, simulated


def _braze(platform: Simulated, path: str, body: Any) -> httpx.Response:
    return http.post(f"{platform.url}{path}", json=body, headers={"authorization": f"Bearer {TOKEN}"}, timeout=20)


def _track(platform: Simulated, *attributes: Any, **arrays: Any) -> httpx.Response:
    return _braze(platform, "/users/track", {"attributes": list(attributes), **arrays})


def test_attributes_are_merged_by_external_id_and_nulls_remove_them() -> None:
    with simulated("braze") as platform:
        first = _track(platform, {"external_id": "c1", "email": "a@example.com", "tier": "gold", "city": "Ulm"})
        assert (first.status_code, first.json()) == (201, {"message": "success", "attributes_processed": 1})
        _track(platform, {"external_id": "c1", "tier": None, "city": "Bonn"})
        person = platform.state()["people"]["c1"]
        assert (person["email"], person["facts"]) == ("a@example.com", {"email": "a@example.com", "city": "Bonn"})
        assert (person["count_written"], person["count_changed"]) == (2, 2)
        assert platform.state()["totals"]["count_data_points"] == 5


def test_rows_that_fail_are_in_errors_and_the_others_are_applied() -> None:
    with simulated("braze") as platform:
        answer = _track(
            platform,
            {"external_id": "c1", "tier": "gold"},
            {"tier": "gold"},
            {"external_id": "c3", "email": "not an address"},
            events=[{"external_id": "c1", "name": "bought", "time": "2026-11-27T00:00:00Z"}, {"external_id": "c1"}],
        )
        missing = "'external_id', 'braze_id', 'user_alias' or 'email' is required"
        assert (answer.status_code, answer.json()) == (
            201,
            {
                "message": "success",
                "errors": [
                    {"type": missing, "input_array": "attributes", "index": 1},
                    {"type": "'email' is not a valid email address", "input_array": "attributes", "index": 2},
                    {"type": "'name' and 'time' are required", "input_array": "events", "index": 1},
                ],
                "attributes_processed": 1,
                "events_processed": 1,
            },
        )
        assert list(platform.state()["people"]) == ["c1"]


def test_nothing_valid_is_an_error_of_the_request() -> None:
    with simulated("braze") as platform:
        answer = _track(platform, {"tier": "gold"})
        assert answer.status_code == 400 and len(answer.json()["errors"]) == 1


@pytest.mark.parametrize(("attributes", "events", "status"), [(75, 0, 201), (74, 1, 201), (75, 1, 400), (76, 0, 400)])
def test_at_most_75_objects_in_all(attributes: int, events: int, status: int) -> None:
    with simulated("braze") as platform:
        rows = [{"external_id": str(n)} for n in range(attributes)]
        happened = [{"external_id": "0", "name": "x", "time": "2026-11-27T00:00:00Z"}] * events
        assert _track(platform, *rows, events=happened).status_code == status
        assert platform.state()["totals"]["count_people"] == (attributes if status == 201 else 0)


def test_only_existing_users_are_updated_if_asked_for() -> None:
    with simulated("braze") as platform:
        _track(platform, {"external_id": "c1", "_update_existing_only": True, "tier": "gold"})
        assert platform.state()["totals"]["count_people"] == 0


def test_a_user_of_an_address_is_found_by_it() -> None:
    with simulated("braze") as platform:
        _track(platform, {"external_id": "c1", "email": "A@example.com"})
        _track(platform, {"email": "a@example.com", "tier": "gold"}, {"email": "b@example.com"})
        people = platform.state()["people"]
        assert (people["c1"]["facts"]["tier"], list(people)) == ("gold", ["c1", "b@example.com"])


def test_too_many_requests_say_when_to_come_back() -> None:
    with simulated("braze", [{"fault": "too_many_requests", "nth": 2, "seconds": 3}], clock=lambda: 1000.5) as platform:
        good, late = (_track(platform, {"external_id": "c1"}) for _ in range(2))
        assert good.headers["x-ratelimit-limit"] == "3000"
        assert (good.headers["x-ratelimit-remaining"], good.headers["x-ratelimit-reset"]) == ("2999", "1002")
        assert (late.status_code, late.headers["x-ratelimit-retry-after"]) == (429, "3")
        assert "retry-after" not in late.headers


def test_rows_are_refused_or_skipped_by_faults() -> None:
    declared = [
        {"fault": "row_errors", "rows": {"key": "^c2$"}, "reason": "'tier' is not valid"},
        {"fault": "silent_skip", "rows": {"key": "^c3$"}},
    ]
    with simulated("braze", declared) as platform:
        answer = _track(platform, *({"external_id": f"c{n}"} for n in (1, 2, 3)))
        assert answer.json()["errors"] == [{"type": "'tier' is not valid", "input_array": "attributes", "index": 1}]
        assert (answer.json()["attributes_processed"], list(platform.state()["people"])) == (2, ["c1"])


def test_users_are_exported_and_deleted() -> None:
    with simulated("braze") as platform:
        _track(platform, {"external_id": "c1", "email": "a@example.com", "tier": "gold"})
        asked = {"external_ids": ["c1", "c2"], "fields_to_export": ["external_id", "custom_attributes"]}
        told = _braze(platform, "/users/export/ids", asked).json()
        assert told["users"] == [{"external_id": "c1", "custom_attributes": {"tier": "gold"}}]
        assert told["invalid_user_ids"] == ["c2"]
        assert _braze(platform, "/users/delete", {"external_ids": ["c1", "c2"]}).json()["deleted"] == 1
        assert _braze(platform, "/users/delete", {"external_ids": ["x"] * 51}).status_code == 400


def test_every_call_that_raises_a_subscription_is_counted() -> None:
    with simulated("braze") as platform:
        _track(platform, {"external_id": "c1", "email": "a@example.com"})
        seen = []
        for state in ("unsubscribed", "subscribed", "opted_in"):
            _track(platform, {"external_id": "c1", "email_subscribe": state})
            person = platform.state()["people"]["c1"]
            seen.append((person["subscription"], person["count_raised"]))
        platform.happened("a@example.com", "unsubscribed")
        _track(platform, {"external_id": "c1", "subscribed": True})
        _braze(platform, "/email/status", {"email": "a@example.com", "subscription_state": "subscribed"})
        person = platform.state()["people"]["c1"]
        seen.append((person["subscription"], person["count_raised"]))
        assert seen == [("unsubscribed", 0), ("subscribed", 1), ("opted_in", 2), ("subscribed", 3)]


def test_a_wrong_key_is_refused() -> None:
    with simulated("braze") as platform:
        answer = http.post(f"{platform.url}/users/track", json={}, headers={"authorization": "Bearer x"})
        assert (answer.status_code, answer.json()) == (401, {"message": "Invalid API key"})
