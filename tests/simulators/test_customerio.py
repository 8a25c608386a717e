"""The simulated Customer.io, asked as plain HTTP: limits, answers, errors, and what it holds afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support import http
from tests.support.simulators import Simulated, simulated

TOKEN = "site:key"
AUTH = ("site", "key")


@pytest.fixture
def platform() -> Iterator[Simulated]:
    with simulated("customerio", token=TOKEN) as running:
        yield running


def _identify(id: str, timestamp: Any = None, **attributes: Any) -> dict[str, Any]:
    operation = {"type": "person", "action": "identify", "identifiers": {"id": id}, "attributes": attributes}
    return operation if timestamp is None else operation | {"timestamp": timestamp}


def _act(action: str, **identifiers: Any) -> dict[str, Any]:
    return {"type": "person", "action": action, "identifiers": identifiers}


def _batch(platform: Simulated, *operations: Any) -> httpx.Response:
    return http.post(f"{platform.url}/api/v2/batch", json={"batch": operations}, auth=AUTH)


def _call(platform: Simulated, method: str, path: str, body: Any = None) -> httpx.Response:
    return httpx.request(method, f"{platform.url}{path}", json=body, auth=AUTH)


def test_a_batch_adds_and_updates_people(platform: Simulated) -> None:
    answer = _batch(platform, _identify("1", email="a@example.com", tier="gold"), _identify("2", tier="silver"))
    assert (answer.status_code, answer.json()) == (200, {})
    assert _batch(platform, _identify("1", city="Bonn", tier="")).status_code == 200
    people = platform.state()["people"]
    assert {key: (person["email"], person["facts"]) for key, person in people.items()} == {
        "1": ("a@example.com", {"city": "Bonn"}),
        "2": ("", {"tier": "silver"}),
    }
    assert people["1"]["subscription"] == "subscribed"


@pytest.mark.parametrize(
    ("operation", "field", "message"),
    [
        (_identify("1", **{"x" * 151: 1}), "attributes", "attribute name cannot be longer than 150 bytes"),
        (_identify("1", bio="ü" * 501), "attributes.bio", "value for attribute 'bio' cannot be longer than 1000 bytes"),
        (_identify("1", **{f"a{n}": 1 for n in range(301)}), "attributes", "cannot identify more than 300 attributes"),
        (_identify("1", **{f"a{n}": "x" * 999 for n in range(40)}), "batch", "operation cannot be larger than 32kb"),
        (_identify("1", timestamp=1_790_000_000_000_000), "timestamp", "timestamp must be a valid unix timestamp"),
        (_identify("1", timestamp="2026-11-27"), "timestamp", "timestamp must be a valid unix timestamp"),
        (_identify("1", email="not an address"), "attributes.email", "email is not a valid address"),
        (_identify(""), "identifiers.id", "id attribute cannot be an empty string"),
        (_act("identify", id=1), "identifiers.id", "id attribute must be a string value"),
        (_act("identify", id="1", email="a@example.com"), "identifiers", "identifiers must have exactly one of"),
        (_act("hello", id="1"), "action", "action 'hello' is not known"),
        ({"type": "object"}, "type", "this simulator has people only"),
        ("text", "batch", "operation must be an object"),
    ],
)
def test_an_operation_that_is_not_valid_is_reported_and_the_others_are_applied(
    platform: Simulated, operation: Any, field: str, message: str
) -> None:
    answer = _batch(platform, _identify("8"), operation, _identify("9"))
    assert answer.status_code == 207
    (error,) = answer.json()["errors"]
    assert (error["batch_index"], error["field"]) == (1, field)
    assert error["message"].startswith(message)
    assert set(platform.state()["people"]) == {"8", "9"}


def test_limits_of_a_batch(platform: Simulated) -> None:
    assert _batch(platform, *[_identify(str(n)) for n in range(1000)]).status_code == 200
    too_many = _batch(platform, *[_identify(str(n)) for n in range(1001)])
    assert (too_many.status_code, too_many.json()["errors"][0]["field"]) == (400, "batch")
    assert _batch(platform).status_code == 400
    assert _batch(platform, *[_identify(str(n), a="x" * 900) for n in range(600)]).status_code == 413
    assert platform.state()["totals"]["count_people"] == 1000


def test_a_body_that_is_no_json_is_refused_in_the_form_of_the_version(platform: Simulated) -> None:
    first, second = (
        httpx.request(method, f"{platform.url}{path}", content=b"{", auth=AUTH)
        for method, path in (("POST", "/api/v2/batch"), ("PUT", "/api/v1/customers/1"))
    )
    assert (first.status_code, first.json()["errors"][0]["field"]) == (400, "body")
    assert (second.status_code, list(second.json()["meta"])) == (400, ["error"])


@pytest.mark.slow
def test_credentials_and_the_rate(platform: Simulated) -> None:
    refused = http.post(f"{platform.url}/api/v2/batch", json={"batch": [_identify("1")]}, auth=("site", "other"))
    assert (refused.status_code, "Unauthorized" in refused.json()["meta"]["error"]) == (401, True)
    with simulated("customerio", token=TOKEN, clock=lambda: 1_790_000_000.0) as at_a_moment:
        answers = [_batch(at_a_moment, _identify("1")) for _ in range(101)]
    assert [answer.status_code for answer in answers] == [200] * 100 + [429]
    assert answers[-1].headers["Retry-After"] == "1"


def test_an_older_change_does_not_replace_a_newer_one(platform: Simulated) -> None:
    _batch(platform, _identify("1", timestamp=200, tier="gold", city="Bonn"), _identify("1", timestamp=100, tier="old"))
    assert platform.state("1")["people"]["1"]["facts"] == {"tier": "gold", "city": "Bonn"}


def test_people_are_found_by_any_identifier(platform: Simulated) -> None:
    _batch(platform, _act("identify", email="Ann@example.com"), _identify("7", email="ann@EXAMPLE.com", tier="gold"))
    (only,) = platform.state()["people"].items()
    assert (only[0], only[1]["facts"]) == ("7", {"tier": "gold"})
    _batch(platform, _identify("8", email="ben@example.com"), _identify("8", email="ann@example.com", tier="silver"))
    state = platform.state()
    assert (state["people"]["8"]["email"], state["people"]["8"]["facts"]) == ("ben@example.com", {"tier": "silver"})
    assert state["failed_attribute_changes"] == ["the email belongs to another person"]


def test_update_only_creates_nobody(platform: Simulated) -> None:
    assert _batch(platform, _identify("1", _update=True, tier="gold")).status_code == 200
    assert platform.state()["people"] == {}


def test_who_is_suppressed_is_dropped_without_a_word(platform: Simulated) -> None:
    _batch(platform, _identify("1", email="a@example.com"), _act("suppress", id="1"))
    again = _batch(platform, _identify("1", tier="gold"), _identify("2", email="a@example.com"))
    assert (again.status_code, again.json()) == (200, {})
    assert platform.state()["people"] == {}
    assert set(platform.state()["suppressed"]) >= {"1", "a@example.com"}
    _batch(platform, _act("unsuppress", id="1"), _identify("1"))
    assert set(platform.state()["people"]) == {"1"}


def test_a_deleted_person_comes_back_with_the_next_identify(platform: Simulated) -> None:
    _batch(platform, _identify("1", tier="gold"), _act("delete", id="1"), _identify("1", city="Bonn"))
    assert platform.state()["people"]["1"]["facts"] == {"city": "Bonn"}


def test_merge_fills_what_is_missing(platform: Simulated) -> None:
    merge = {"type": "person", "action": "merge", "primary": {"id": "1"}, "secondary": {"id": "2"}}
    _batch(platform, _identify("1", tier="gold"), _identify("2", tier="old", city="Bonn"), merge)
    assert {key: person["facts"] for key, person in platform.state()["people"].items()} == {
        "1": {"tier": "gold", "city": "Bonn"}
    }


def test_an_upsert_leaves_the_subscription_alone_and_what_raises_it_is_counted(platform: Simulated) -> None:
    _batch(platform, _identify("1", email="a@example.com", cio_subscription_preferences={"topics": {"topic_1": False}}))
    platform.happened("a@example.com", "unsubscribed")
    _batch(
        platform, _identify("1", tier="gold"), _identify("1", **{"cio_subscription_preferences.topics.topic_2": True})
    )
    person = platform.state("1")["people"]["1"]
    assert (person["subscription"], person["count_raised"]) == ("unsubscribed", 0)
    assert person["facts"]["cio_subscription_preferences"] == {"topics": {"topic_1": False, "topic_2": True}}
    _batch(
        platform,
        _identify("1", unsubscribed=False),
        _identify("1", cio_subscription_preferences={"topics": {"topic_1": True}}),
    )
    person = platform.state("1")["people"]["1"]
    assert (person["subscription"], person["count_raised"]) == ("subscribed", 2)


@pytest.mark.parametrize(("value", "expected"), [(True, "un"), ("TRUE", "un"), (1, "un"), ("1", "un"), ("yes", "")])
def test_what_unsubscribes(platform: Simulated, value: Any, expected: str) -> None:
    _batch(platform, _identify("1", unsubscribed=value))
    assert platform.state("1")["people"]["1"]["subscription"] == f"{expected}subscribed"


def test_events_are_kept_once_when_they_have_an_id(platform: Simulated) -> None:
    event = _act("event", id="1") | {"name": "order", "attributes": {"total": 5}}
    _batch(platform, event, event, event | {"id": "01A"}, event | {"id": "01A"})
    assert [found["data"] for found in platform.state()["events"]] == [{"total": 5}] * 3


def test_version_1_identifies_by_id_address_and_cio_id(platform: Simulated) -> None:
    assert _call(platform, "PUT", "/api/v1/customers/1", {"email": "a@example.com"}).json() == {}
    _call(platform, "PUT", "/api/v1/customers/a@example.com", {"tier": "gold"})
    cio_id = platform.state()["people"]["1"]["id"]
    _call(platform, "PUT", f"/api/v1/customers/cio_{cio_id}", {"city": "Bonn"})
    assert platform.state()["people"]["1"]["facts"] == {"tier": "gold", "city": "Bonn"}
    refused = _call(platform, "PUT", "/api/v1/customers/1", {"bio": "x" * 1001})
    assert (refused.status_code, refused.json()) == (
        400,
        {"meta": {"error": "value for attribute 'bio' cannot be longer than 1000 bytes"}},
    )
    assert _call(platform, "POST", "/api/v1/customers/1").status_code == 405
    assert _call(platform, "GET", "/api/v3/batch").status_code == 404


def test_scripted_row_errors_and_skips() -> None:
    faults = [
        {"fault": "row_errors", "nth": 1, "rows": {"nth": 2}, "reason": "attribute is reserved"},
        {"fault": "silent_skip", "nth": 2, "rows": {"key": "^3$"}},
    ]
    with simulated("customerio", faults, token=TOKEN) as platform:
        first = _batch(platform, _identify("1"), _identify("2"))
        second = _batch(platform, _identify("3"), _identify("4"))
        assert (first.status_code, second.status_code) == (207, 200)
        error = {"batch_index": 1, "reason": "invalid", "field": "attributes", "message": "attribute is reserved"}
        assert first.json() == {"errors": [error]}
        assert set(platform.state()["people"]) == {"1", "4"}
        assert [fault["count_rows"] for fault in platform.faults()] == [1, 1]


def test_scripted_answers() -> None:
    faults = [
        {"fault": "too_many_requests", "nth": 1, "retry_after": "none"},
        {"fault": "server_error", "nth": 2, "is_applied": True},
        {"fault": "token_expired", "nth": 3},
    ]
    with simulated("customerio", faults, token=TOKEN) as platform:
        answers = [_batch(platform, _identify(str(n))) for n in range(4)]
        assert [answer.status_code for answer in answers] == [429, 503, 401, 200]
        assert "Retry-After" not in answers[0].headers
        assert set(platform.state()["people"]) == {"1", "3"}
