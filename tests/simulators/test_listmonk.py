"""Subscribers and lists of the simulated listmonk, asked as plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lakehouse.simulators.listmonk.query import QueryError, parse_query
from tests.simulators.listmonk_calls import AUTH, TOKEN, call, import_rows, row, subscriber
from tests.support import http
from tests.support.simulators import Simulated, simulated


@pytest.fixture
def platform() -> Iterator[Simulated]:
    with simulated("listmonk", token=TOKEN) as running:
        yield running


def _id(platform: Simulated, email: str) -> int:
    return int(platform.state(email)["people"][email]["id"])


def _found(platform: Simulated, query: str) -> list[str]:
    answer = http.get(f"{platform.url}/api/subscribers", params={"query": query, "per_page": 100}, auth=AUTH)
    return [each["email"] for each in answer.json()["data"]["results"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("subscribers.email = 'a@example.com'", ("email", ["a@example.com"])),
        ("email='o''neill@example.com'", ("email", ["o'neill@example.com"])),
        ("subscribers.email IN ('a@x.org', 'b@x.org')", ("email", ["a@x.org", "b@x.org"])),
        ("subscribers.id in (1,2)", ("id", ["1", "2"])),
        ("subscribers.email = ANY(ARRAY['a@x.org','b@x.org'])", ("email", ["a@x.org", "b@x.org"])),
    ],
)
def test_conditions(text: str, expected: tuple[str, list[str]]) -> None:
    assert parse_query(text) == expected


@pytest.mark.parametrize("text", ["1=1", "email LIKE '%@x.org'", "email='a' OR 1=1"])
def test_a_condition_that_is_not_simulated_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="the simulator knows email, id and uuid"):
        parse_query(text)


def test_subscribers_are_found_by_address_and_id(platform: Simulated) -> None:
    import_rows(platform, *[row(f"{name}@example.com", tier="gold") for name in "abc"])
    assert _found(platform, "subscribers.email='b@example.com'") == ["b@example.com"]
    assert _found(platform, "email IN ('a@example.com','c@example.com','x@x.org')") == [
        "c@example.com",
        "a@example.com",
    ]
    assert _found(platform, "subscribers.email='B@example.com'") == []
    assert _found(platform, "") == ["c@example.com", "b@example.com", "a@example.com"]
    assert call(platform, "GET", "subscribers?query=1=1").status_code == 400
    one = call(platform, "GET", f"subscribers/{_id(platform, 'b@example.com')}").json()["data"]
    assert (one["email"], one["attribs"], one["status"]) == ("b@example.com", {"tier": "gold"}, "enabled")
    assert [(found["id"], found["subscription_status"]) for found in one["lists"]] == [(1, "unconfirmed")]
    assert call(platform, "GET", "subscribers/99").status_code == 400


def test_pages(platform: Simulated) -> None:
    import_rows(platform, *[row(f"{n}@example.com") for n in range(5)])
    page = call(platform, "GET", "subscribers?per_page=2&page=2").json()["data"]
    assert [each["email"] for each in page["results"]] == ["2@example.com", "1@example.com"]
    assert (page["total"], page["page"], page["per_page"]) == (5, 2, 2)


def test_lists_are_managed_by_id_and_by_condition(platform: Simulated) -> None:
    import_rows(platform, row("a@example.com"), row("b@example.com"))
    a, b = _id(platform, "a@example.com"), _id(platform, "b@example.com")
    lists = {"ids": [a, b], "target_list_ids": [2]}
    assert call(platform, "PUT", "subscribers/lists", lists | {"action": "add"}).json() == {"data": True}
    assert subscriber(platform, "a@example.com")["lists"] == {"1": "unconfirmed", "2": "unconfirmed"}
    call(platform, "PUT", "subscribers/lists", lists | {"action": "unsubscribe"})
    call(platform, "PUT", "subscribers/lists", lists | {"action": "add"})
    assert subscriber(platform, "a@example.com")["lists"]["2"] == "unsubscribed"
    by_query = {"query": "subscribers.email='a@example.com'", "target_list_ids": [2], "action": "remove"}
    assert call(platform, "PUT", "subscribers/query/lists", by_query).json() == {"data": True}
    assert subscriber(platform, "a@example.com")["memberships"] == ["1"]
    assert subscriber(platform, "b@example.com")["memberships"] == ["1", "2"]
    assert platform.state()["totals"]["count_raised"] == 0


@pytest.mark.parametrize(
    ("status", "expected"),
    [("", ("unconfirmed", 1)), ("confirmed", ("confirmed", 1)), ("unsubscribed", ("unsubscribed", 0))],
)
def test_removing_and_adding_forgets_an_unsubscribe_and_is_counted(
    platform: Simulated, status: str, expected: tuple[str, int]
) -> None:
    import_rows(platform, row("a@example.com"))
    platform.happened("a@example.com", "unsubscribed")
    change = {"ids": [_id(platform, "a@example.com")], "target_list_ids": [1]}
    call(platform, "PUT", "subscribers/lists", change | {"action": "remove"})
    call(platform, "PUT", "subscribers/lists", change | {"action": "add", "status": status})
    person = subscriber(platform, "a@example.com")
    assert (person["lists"]["1"], person["count_raised"]) == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"target_list_ids": [1], "action": "add"}, "No IDs given"),
        ({"ids": [1], "action": "add"}, "No lists given"),
        ({"ids": [1], "target_list_ids": [1], "action": "drop"}, "Invalid action"),
    ],
)
def test_managing_lists_needs_all_it_needs(platform: Simulated, body: dict[str, Any], message: str) -> None:
    answer = call(platform, "PUT", "subscribers/lists", body)
    assert (answer.status_code, answer.json()) == (400, {"message": message})


def test_an_update_without_lists_removes_all_memberships(platform: Simulated) -> None:
    import_rows(platform, row("a@example.com", tier="gold"), lists=[1, 2])
    path = f"subscribers/{_id(platform, 'a@example.com')}"
    call(platform, "PUT", path, {"email": "a@example.com", "name": "Ann", "lists": [2]})
    assert subscriber(platform, "a@example.com")["lists"] == {"2": "unconfirmed"}
    call(platform, "PUT", path, {"email": "a@example.com", "name": "Ann"})
    person = subscriber(platform, "a@example.com")
    assert (person["lists"], person["facts"]) == ({}, {"name": "Ann", "attribs": {"tier": "gold"}})


def test_an_update_keeps_who_unsubscribed_and_can_raise_who_is_blocklisted(platform: Simulated) -> None:
    import_rows(platform, row("a@example.com"))
    platform.happened("a@example.com", "unsubscribed")
    body = {"email": "new@example.com", "lists": [1, 2], "preconfirm_subscriptions": True}
    path = f"subscribers/{_id(platform, 'a@example.com')}"
    call(platform, "PUT", path, body)
    person = subscriber(platform, "new@example.com")
    assert (person["lists"], person["count_raised"]) == ({"1": "unsubscribed", "2": "confirmed"}, 0)
    call(platform, "PUT", f"{path}/blocklist")
    assert subscriber(platform, "new@example.com")["lists"] == {"1": "unsubscribed", "2": "unsubscribed"}
    call(platform, "PUT", path, body | {"status": "enabled"})
    person = subscriber(platform, "new@example.com")
    assert (person["subscription"], person["count_raised"]) == ("enabled", 1)


def test_creating_and_deleting(platform: Simulated) -> None:
    made = call(platform, "POST", "subscribers", {"email": "A@example.com", "name": "Ann", "lists": [1, 9]})
    assert (made.status_code, made.json()["data"]["email"]) == (200, "a@example.com")
    assert call(platform, "POST", "subscribers", {"email": "a@example.com"}).status_code == 409
    assert call(platform, "POST", "subscribers", {"email": "no"}).json() == {"message": "Invalid email"}
    call(platform, "PUT", "subscribers/blocklist", {"ids": [1]})
    assert subscriber(platform, "a@example.com")["lists"] == {"1": "unsubscribed"}
    assert call(platform, "DELETE", "subscribers/1").json() == {"data": True}
    assert platform.state()["people"] == {}


def test_lists_of_the_installation(platform: Simulated) -> None:
    made = call(platform, "POST", "lists", {"name": "VIP", "type": "private", "optin": "single"}).json()["data"]
    import_rows(platform, row("a@example.com"), lists=[made["id"]])
    found = call(platform, "GET", "lists").json()["data"]["results"]
    assert [(each["id"], each["name"], each["subscriber_count"]) for each in found] == [
        (1, "Default list", 0),
        (2, "Opt-in list", 0),
        (3, "VIP", 1),
    ]
    assert call(platform, "GET", "lists/9").status_code == 400


def test_the_version_and_the_credentials(platform: Simulated) -> None:
    assert call(platform, "GET", "config").json()["data"]["version"] == "v6.0.0"
    assert call(platform, "GET", "health").json() == {"data": True}
    header = {"Authorization": f"token {TOKEN}"}
    assert http.get(f"{platform.url}/api/lists", headers=header).status_code == 200
    wrong = http.get(f"{platform.url}/api/lists", auth=("api_user", "other"))
    assert (wrong.status_code, wrong.json()) == (403, {"message": "invalid API credentials"})
    with simulated("listmonk-5", token=TOKEN) as older:
        assert call(older, "GET", "config").json()["data"]["version"] == "v5.1.0"


def test_what_people_do_themselves(platform: Simulated) -> None:
    import_rows(platform, *[row(f"{name}@example.com") for name in "abc"])
    platform.happened("a@example.com", "unsubscribed")
    platform.happened("b@example.com", "complained")
    platform.happened("c@example.com", "erased")
    people = platform.state()["people"]
    assert {key: (person["subscription"], person["lists"]["1"]) for key, person in people.items()} == {
        "a@example.com": ("enabled", "unsubscribed"),
        "b@example.com": ("blocklisted", "unsubscribed"),
    }
    platform.happened("a@example.com", "subscribed")
    person = subscriber(platform, "a@example.com")
    assert (person["lists"]["1"], person["count_raised"]) == ("confirmed", 0)
