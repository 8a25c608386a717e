"""The simulated Iterable, asked as plain HTTP: limits, answers, errors, and what it holds afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support import http
from tests.support.simulators import TOKEN, Simulated, simulated


@pytest.fixture
def platform() -> Iterator[Simulated]:
    with simulated("iterable") as running:
        yield running


def _call(platform: Simulated, path: str, body: Any = None, method: str = "POST") -> httpx.Response:
    return httpx.request(method, f"{platform.url}/api/{path}", json=body, headers={"Api-Key": TOKEN})


def _bulk(platform: Simulated, *users: dict[str, Any], **more: Any) -> Any:
    answer = _call(platform, "users/bulkUpdate", {"users": users, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def _user(user_id: str = "", email: str = "", **fields: Any) -> dict[str, Any]:
    identity = {"userId": user_id, "email": email}
    return {name: value for name, value in identity.items() if value} | {"dataFields": fields}


def _failed(answer: Any) -> dict[str, list[str]]:
    return {name: values for name, values in answer["failedUpdates"].items() if values}


def test_a_bulk_update_adds_and_updates_users(platform: Simulated) -> None:
    first = _bulk(platform, _user("1", tier="gold", address={"city": "Bonn"}), _user(email="B@example.com", tier="x"))
    assert (first["successCount"], first["failCount"], first["createdFields"]) == (2, 0, ["address", "tier"])
    _bulk(platform, _user("1", email="a@example.com", tier=None, address={"zip": "1"}))
    people = platform.state()["people"]
    assert {key: (person["email"], person["facts"]) for key, person in people.items()} == {
        "1": ("a@example.com", {"address": {"zip": "1"}}),
        "b@example.com": ("B@example.com", {"tier": "x"}),
    }
    _bulk(platform, _user("1", address={"city": "Bonn"}) | {"mergeNestedObjects": True})
    assert platform.state("1")["people"]["1"]["facts"] == {"address": {"zip": "1", "city": "Bonn"}}


def test_users_that_cannot_be_updated_are_listed_by_reason(platform: Simulated) -> None:
    _bulk(platform, _user("1", "a@example.com"), _user("2", "b@example.com"), _user(email="gone@example.com"))
    _call(platform, "users/forget", {"email": "gone@example.com"})
    answer = _bulk(
        platform,
        _user("1", "b@example.com"),
        _user("3", "a@example.com"),
        _user(email="no address"),
        _user("ends with a space "),
        _user(email="gone@example.com"),
        _user("4", emailListIds="1"),
        _user("5", tier="gold"),
    )
    assert (answer["successCount"], answer["failCount"]) == (1, 6)
    assert _failed(answer) == {
        "conflictEmails": ["b@example.com"],
        "conflictUserIds": ["3"],
        "invalidEmails": ["no address"],
        "invalidUserIds": ["ends with a space "],
        "forgottenEmails": ["gone@example.com"],
        "invalidDataUserIds": ["4"],
    }
    assert set(platform.state()["people"]) == {"1", "2", "5"}


def test_a_value_of_another_type_refuses_the_whole_request(platform: Simulated) -> None:
    _bulk(platform, _user("1", spend=5.5, age=3))
    _bulk(platform, _user("1", spend=5))
    answer = _call(platform, "users/bulkUpdate", {"users": [_user("2", age=4), _user("3", age="four")]})
    assert (answer.status_code, answer.json()["code"]) == (400, "RequestFieldsTypesMismatched")
    assert answer.json()["params"]["validationErrors"] == {
        "project_etl:::age": {
            "incomingTypes": ["string"],
            "expectedType": "long",
            "category": "user",
            "offendingValue": "four",
            "_type": "UnexpectedType",
        }
    }
    assert set(platform.state()["people"]) == {"1"}


def test_fields_that_the_project_does_not_have_can_be_left_out(platform: Simulated) -> None:
    _bulk(platform, _user("1", tier="gold"))
    answer = _bulk(platform, _user("1", tier="silver", shoe=9), createNewFields=False)
    assert (answer["createdFields"], answer["filteredOutFields"]) == ([], ["shoe"])
    assert platform.state("1")["people"]["1"]["facts"] == {"tier": "silver"}


def test_a_forgotten_user_stays_forgotten_until_unforgotten(platform: Simulated) -> None:
    _bulk(platform, _user("1", "a@example.com"))
    platform.happened("a@example.com", "erased")
    assert _failed(_bulk(platform, _user("1"), _user(email="A@example.com"))) == {
        "forgottenUserIds": ["1"],
        "forgottenEmails": ["A@example.com"],
    }
    assert _call(platform, "users/update", _user("1")).status_code == 409
    assert len(_call(platform, "users/forgotten", method="GET").json()["hashedEmails"]) == 1
    _call(platform, "users/unforget", {"userId": "1"})
    assert _bulk(platform, _user("1"))["successCount"] == 1


def test_subscriptions_are_left_alone_unless_a_field_names_them(platform: Simulated) -> None:
    _bulk(platform, _user("1", "a@example.com"))
    platform.happened("a@example.com", "unsubscribed")
    _bulk(platform, _user("1", tier="gold"))
    person = platform.state("1")["people"]["1"]
    assert (person["subscription"], person["count_raised"]) == ("unsubscribed", 0)
    assert person["preferences"]["unsubscribedChannelIds"] == [1]
    _bulk(platform, _user("1", unsubscribedChannelIds=[]))
    person = platform.state("1")["people"]["1"]
    assert (person["subscription"], person["count_raised"]) == ("subscribed", 1)


def test_subscriptions_are_replaced_by_their_own_call(platform: Simulated) -> None:
    _bulk(platform, _user("1"))
    _call(platform, "users/updateSubscriptions", {"userId": "1", "unsubscribedMessageTypeIds": [7, 8]})
    _call(
        platform, "users/updateSubscriptions", {"userId": "1", "unsubscribedMessageTypeIds": [7], "emailListIds": [3]}
    )
    person = platform.state("1")["people"]["1"]
    assert (person["preferences"]["unsubscribedMessageTypeIds"], person["memberships"]) == ([7], ["3"])
    assert person["count_raised"] == 1


def test_lists(platform: Simulated) -> None:
    id = _call(platform, "lists", {"name": "VIP"}).json()["listId"]
    added = _call(platform, "lists/subscribe", {"listId": id, "subscribers": [_user("1", "a@example.com"), _user("2")]})
    assert added.json()["successCount"] == 2
    assert _call(platform, f"lists/{id}/size", method="GET").json() == 2
    gone = _call(platform, "lists/unsubscribe", {"listId": id, "subscribers": [{"userId": "1"}, {"userId": "9"}]})
    assert _failed(gone.json()) == {"notFoundUserIds": ["9"]}
    people = platform.state()["people"]
    assert {key: (person["memberships"], person["subscription"]) for key, person in people.items()} == {
        "1": ([], "subscribed"),
        "2": ([str(id)], "subscribed"),
    }


def test_leaving_a_list_with_the_channel_is_an_unsubscribe(platform: Simulated) -> None:
    id = _call(platform, "lists", {"name": "VIP"}).json()["listId"]
    _call(platform, "lists/subscribe", {"listId": id, "subscribers": [_user("1")]})
    _call(platform, "lists/unsubscribe", {"listId": id, "subscribers": [{"userId": "1"}], "channelUnsubscribe": True})
    assert platform.state("1")["people"]["1"]["subscription"] == "unsubscribed"


def test_limits_of_a_call_about_a_list(platform: Simulated) -> None:
    many = [{"userId": str(n)} for n in range(1001)]
    _call(platform, "lists", {"name": "VIP"})
    too_many = _call(platform, "lists/subscribe", {"listId": 1, "subscribers": many})
    assert (too_many.status_code, too_many.json()["code"]) == (400, "BatchTooLarge")
    unknown = _call(platform, "lists/subscribe", {"listId": 2, "subscribers": many[:1]})
    assert (unknown.status_code, unknown.json()["msg"]) == (400, "error.lists.invalidListId")


def test_reading_a_user(platform: Simulated) -> None:
    _bulk(platform, _user("1", "a@example.com", tier="gold"))
    for path in ("users/byUserId?userId=1", "users/byUserId/1", "users/getByEmail?email=a@example.com"):
        user = _call(platform, path, method="GET").json()["user"]
        assert (user["email"], user["userId"], user["dataFields"]["tier"]) == ("a@example.com", "1", "gold")
    assert _call(platform, "users/byUserId/2", method="GET").json() == {"user": {"email": "", "userId": ""}}


def test_bodies_that_are_not_taken(platform: Simulated) -> None:
    headers = {"Api-Key": TOKEN}
    broken = http.post(f"{platform.url}/api/users/bulkUpdate", content=b"[", headers=headers)
    assert (broken.status_code, broken.json()["code"]) == (400, "BadJsonBody")
    assert _call(platform, "users/bulkUpdate", {"users": {}}).json()["code"] == "BadParams"
    large = _call(platform, "users/bulkUpdate", {"users": [_user("1", text="x" * 4_000_000)]})
    assert large.status_code == 413
    wrong = http.post(f"{platform.url}/api/users/bulkUpdate", json={"users": []}, headers={"Api-Key": "other"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "BadApiKey")
    assert _call(platform, "nothing").status_code == 404
    assert platform.state()["people"] == {}


def test_the_rate_of_bulk_updates() -> None:
    with simulated("iterable", clock=lambda: 1_790_000_000.0) as platform:
        for _ in range(5):
            _bulk(platform, _user("1"))
        answer = _call(platform, "users/bulkUpdate", {"users": []})
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        assert answer.json()["params"] == {"rateLimitLimit": 5, "rateLimitRemaining": 0, "rateLimitReset": 1.0}
        assert _call(platform, "users/update", _user("1")).status_code == 200


def test_scripted_row_errors_and_skips() -> None:
    faults = [
        {"fault": "row_errors", "nth": 1, "rows": {"key": "^1$"}, "reason": "forgotten"},
        {"fault": "silent_skip", "nth": 2, "rows": {"nth": 1}},
        {"fault": "row_errors", "nth": 3},
    ]
    with simulated("iterable", faults) as platform:
        assert _failed(_bulk(platform, _user("1"), _user("2"))) == {"forgottenUserIds": ["1"]}
        assert _bulk(platform, _user("3"), _user("4"))["successCount"] == 2
        assert _failed(_bulk(platform, _user(email="e@example.com"))) == {"invalidDataEmails": ["e@example.com"]}
        assert set(platform.state()["people"]) == {"2", "4"}


def test_scripted_answers() -> None:
    faults = [
        {"fault": "too_many_requests", "nth": 1, "seconds": 3},
        {"fault": "server_error", "nth": 2, "is_applied": True},
        {"fault": "token_expired", "nth": 3},
    ]
    with simulated("iterable", faults) as platform:
        answers = [_call(platform, "users/bulkUpdate", {"users": [_user(str(n))]}) for n in range(4)]
        assert [answer.status_code for answer in answers] == [429, 503, 401, 200]
        assert (answers[0].headers["Retry-After"], answers[0].json()["code"]) == ("3", "RateLimitExceeded")
        assert set(platform.state()["people"]) == {"1", "3"}
