"""The simulated Mailchimp keeps Mailchimp's limits, bodies and errors, and Mailchimp's own client understands it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import mailchimp_marketing
import pytest
from mailchimp_marketing.api_client import ApiClientError

from lakehouse.simulators.mailchimp import LIST
from lakehouse.simulators.mailchimp.members import member_hash
from tests.support.simulators import TOKEN, Simulated, simulated

HASH = member_hash("a@example.com")


def _mailchimp(platform: Simulated, method: str, path: str = "", body: Any = None, key: str = TOKEN) -> httpx.Response:
    return httpx.request(method, f"{platform.url}/3.0/lists/{LIST}{path}", json=body, auth=("any", key), timeout=20)


def _member(email: str, status: str | None = "subscribed", **more: Any) -> dict[str, Any]:
    return {"email_address": email, **({"status": status} if status else {}), **more}


def _batch(platform: Simulated, *members: Any, **options: Any) -> Any:
    answer = _mailchimp(platform, "POST", "", {"members": list(members), "update_existing": True, **options})
    assert answer.status_code == 200
    return answer.json()


def test_a_batch_answers_200_with_what_became_of_every_row() -> None:
    with simulated("mailchimp") as platform:
        _batch(platform, _member("a@example.com"))
        told = _batch(
            platform,
            _member("A@example.com", None, merge_fields={"FNAME": "Anna", "NONE": "x"}),
            _member("b@example.com", tags=["spring"]),
            _member("no address"),
            _member("c@example.com", None),
        )
        assert (told["total_created"], told["total_updated"], told["error_count"]) == (1, 1, 2)
        assert [member["email_address"] for member in told["new_members"]] == ["b@example.com"]
        assert told["errors"] == [
            {
                "email_address": "no address",
                "error": "Please provide a valid email address.",
                "error_code": "ERROR_GENERIC",
                "field": "",
                "field_message": "",
            },
            {
                "email_address": "c@example.com",
                "error": "Required fields were not provided: status",
                "error_code": "ERROR_GENERIC",
                "field": "status",
                "field_message": "",
            },
        ]
        people = platform.state()["people"]
        assert people["a@example.com"]["facts"]["merge_fields"] == {"FNAME": "Anna"}
        assert people["b@example.com"]["memberships"] == ["spring"]


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ([_member("a@example.com")] * 501, "members"),
        ([_member("a@example.com"), _member("b@example.com", "active")], "members.item:1.status"),
        ([{"status": "subscribed"}], "members.item:0.email_address"),
        ([_member("a@example.com", merge_fields=[])], "members.item:0.merge_fields"),
    ],
    ids=["500", "status", "address", "merge fields"],
)
def test_a_batch_of_another_form_is_refused_as_a_whole(members: Any, field: str) -> None:
    with simulated("mailchimp") as platform:
        answer = _mailchimp(platform, "POST", "", {"members": members})
        assert answer.status_code == 400 and answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["errors"][0]["field"] == field
        assert platform.state()["totals"]["count_people"] == 0


def test_members_stay_as_they_are_without_update_existing_and_come_once_in_a_batch() -> None:
    with simulated("mailchimp") as platform:
        _batch(platform, _member("a@example.com"))
        told = _batch(platform, _member("a@example.com", "unsubscribed"), update_existing=False)
        assert told["errors"][0]["error_code"] == "ERROR_CONTACT_EXISTS"
        told = _batch(platform, _member("b@example.com"), _member("B@example.com"))
        assert (told["total_created"], told["error_count"]) == (1, 1)
        assert platform.state()["totals"]["subscriptions"] == {"subscribed": 2}


def test_whoever_unsubscribed_is_not_subscribed_again() -> None:
    with simulated("mailchimp") as platform:
        _batch(platform, *(_member(f"{name}@example.com") for name in "abc"))
        platform.happened("a@example.com", "unsubscribed")
        platform.happened("b@example.com", "bounced")
        platform.happened("c@example.com", "erased")
        told = _batch(platform, *(_member(f"{name}@example.com", merge_fields={"FNAME": "X"}) for name in "abc"))
        assert [error["error"].partition("@example.com ")[2][:36] for error in told["errors"]] == [
            "is already a list member in complian",
            "is already a list member in complian",
            "was permanently deleted and cannot b",
        ]
        # Without a status a row is an update, which says nothing of the subscription.
        told = _batch(platform, _member("a@example.com", None, merge_fields={"FNAME": "X"}))
        assert (told["total_updated"], told["updated_members"][0]["status"]) == (1, "unsubscribed")
        assert platform.state()["totals"]["subscriptions"] == {"unsubscribed": 1, "cleaned": 1}
        assert platform.state()["totals"]["count_raised"] == 0


def test_raising_a_subscription_is_counted() -> None:
    with simulated("mailchimp") as platform:
        _batch(platform, _member("a@example.com", "transactional"))
        _batch(platform, _member("a@example.com", "subscribed"))
        assert platform.state()["people"]["a@example.com"]["count_raised"] == 1


def test_members_are_found_by_the_md5_of_their_address() -> None:
    with simulated("mailchimp") as platform:
        path = f"/members/{HASH}"
        assert _mailchimp(platform, "GET", path).status_code == 404
        new = {"email_address": "A@example.com", "status_if_new": "transactional"}
        made = _mailchimp(platform, "PUT", path, new).json()
        assert (made["id"], made["status"]) == (HASH, "transactional")
        changed = _mailchimp(platform, "PUT", path, {**new, "status_if_new": "subscribed"}).json()
        assert changed["status"] == "transactional"
        named = _mailchimp(platform, "PATCH", path, {"merge_fields": {"LNAME": "A"}}).json()
        assert named["merge_fields"] == {"FNAME": "", "LNAME": "A"}
        other = _mailchimp(platform, "PUT", f"/members/{member_hash('b@example.com')}", new)
        assert other.status_code == 400
        assert _mailchimp(platform, "DELETE", path).status_code == 204
        assert platform.state()["people"] == {}


def test_tags_are_switched_on_and_off() -> None:
    with simulated("mailchimp") as platform:
        _batch(platform, _member("a@example.com", tags=["one", "two"]))
        tags = [{"name": "one", "status": "inactive"}, {"name": "three", "status": "active"}]
        assert _mailchimp(platform, "POST", f"/members/{HASH}/tags", {"tags": tags}).status_code == 204
        assert platform.state()["people"]["a@example.com"]["memberships"] == ["three", "two"]
        assert _mailchimp(platform, "POST", f"/members/{HASH}/tags", {"tags": [{"name": "one"}]}).status_code == 400
        _batch(platform, _member("a@example.com", None, tags=["four"]), sync_tags=True)
        assert platform.state()["people"]["a@example.com"]["memberships"] == ["four"]


def test_merge_fields_have_types() -> None:
    with simulated("mailchimp") as platform:
        assert _mailchimp(platform, "POST", "/merge-fields", {"tag": "AGE", "name": "Age", "type": "number"}).is_success
        told = _batch(
            platform,
            _member("a@example.com", merge_fields={"AGE": "x"}),
            _member("b@example.com", merge_fields={"AGE": 3}),
        )
        assert [(error["field"], error["field_message"]) for error in told["errors"]] == [
            ("AGE", "Please enter a number")
        ]
        listed = _mailchimp(platform, "GET", "/merge-fields").json()
        assert [(field["tag"], field["type"]) for field in listed["merge_fields"]][-1] == ("AGE", "number")
        long_tag = {"tag": "ELEVENCHARS", "name": "x", "type": "text"}
        assert _mailchimp(platform, "POST", "/merge-fields", long_tag).status_code == 400


def test_ten_requests_at_once() -> None:
    async def ask(url: str) -> list[httpx.Response]:
        async with httpx.AsyncClient(auth=("any", TOKEN), timeout=20) as client:
            return await asyncio.gather(*(client.get(url) for _ in range(12)))

    with simulated("mailchimp", seconds_of_an_answer=1.0) as platform:
        answers = asyncio.run(ask(f"{platform.url}/3.0/lists/{LIST}/members"))
        assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429] * 2
        late = next(answer for answer in answers if answer.status_code == 429)
        assert late.json()["title"] == "Too Many Requests" and "retry-after" not in late.headers


def test_rows_are_refused_or_skipped_by_faults() -> None:
    declared = [
        {"fault": "row_errors", "rows": {"key": "^a@"}, "reason": "looks fake"},
        {"fault": "silent_skip", "rows": {"key": "^b@"}},
    ]
    with simulated("mailchimp", declared) as platform:
        told = _batch(platform, *(_member(f"{name}@example.com") for name in "abc"))
        assert [error["error"] for error in told["errors"]] == ["looks fake"]
        assert list(platform.state()["people"]) == ["c@example.com"]


@pytest.mark.parametrize(("key", "status"), [(TOKEN, 200), (f"{TOKEN}-us1", 200), ("wrong-us1", 401)])
def test_a_key_may_name_its_data_centre(key: str, status: int) -> None:
    with simulated("mailchimp") as platform:
        assert _mailchimp(platform, "GET", "/members", key=key).status_code == status


def _client(platform: Simulated, key: str = TOKEN) -> Any:
    client = mailchimp_marketing.Client({"api_key": key, "server": "us1"})
    client.api_client.host = f"{platform.url}/3.0"
    return client


def test_the_client_sends_a_batch_and_tags() -> None:
    with simulated("mailchimp") as platform:
        lists = _client(platform).lists
        told = lists.batch_list_members(LIST, {"members": [_member("a@example.com"), _member("no address")]})
        assert (told["total_created"], told["error_count"]) == (1, 1)
        assert lists.get_list_member(LIST, HASH)["status"] == "subscribed"
        lists.update_list_member_tags(LIST, HASH, {"tags": [{"name": "spring", "status": "active"}]})
        assert [tag["name"] for tag in lists.get_list_member_tags(LIST, HASH)["tags"]] == ["spring"]


def test_the_client_understands_errors() -> None:
    with simulated("mailchimp") as platform:
        with pytest.raises(ApiClientError) as caught:
            _client(platform).lists.batch_list_members(LIST, {"members": [_member("a@example.com", "active")]})
        assert caught.value.status_code == 400 and "Invalid Resource" in caught.value.text
        with pytest.raises(ApiClientError) as caught:
            _client(platform, "wrong").lists.get_list(LIST)
        assert caught.value.status_code == 401
