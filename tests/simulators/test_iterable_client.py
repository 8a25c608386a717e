"""The client `iterablepythonwrapper` makes its calls against the simulator, and understands the answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from iterablepythonwrapper.client import IterableApi

from tests.support.simulators import TOKEN, Simulated, simulated


@pytest.fixture
def platform() -> Iterator[Simulated]:
    with simulated("iterable") as running:
        yield running


def _client(platform: Simulated, key: str = TOKEN) -> IterableApi:
    client = IterableApi(api_key=key)
    client.base_uri = platform.url
    return client


def test_users(platform: Simulated) -> None:
    client = _client(platform)
    users = [{"userId": "1", "email": "a@example.com", "dataFields": {"tier": "gold"}}, {"email": "no address"}]
    answer = client.bulk_update_user(users)
    assert (answer["code"], answer["body"]["successCount"], answer["body"]["failCount"]) == (200, 1, 1)
    assert answer["body"]["failedUpdates"]["invalidEmails"] == ["no address"]
    assert client.get_users_by_userid("1")["body"]["user"]["dataFields"]["tier"] == "gold"
    assert client.get_user_by_email("a@example.com")["body"]["user"]["userId"] == "1"
    assert client.update_user(user_id="1", data_fields={"tier": "silver"})["body"]["code"] == "Success"
    assert platform.state("1")["people"]["1"]["facts"] == {"tier": "silver"}


def test_lists(platform: Simulated) -> None:
    client = _client(platform)
    client.bulk_update_user([{"userId": "1", "email": "a@example.com"}])
    id = client.create_static_list("VIP")["body"]["listId"]
    assert [found["name"] for found in client.get_lists()["body"]["lists"]] == ["VIP"]
    assert client.add_subscribers_to_list(id, [{"userId": "1"}])["body"]["successCount"] == 1
    assert client.count_of_users_in_list(id)["body"] == 1
    assert client.remove_subscribers_to_list(id, [{"userId": "1"}])["body"]["successCount"] == 1
    person = platform.state("1")["people"]["1"]
    assert (person["memberships"], person["subscription"]) == ([], "subscribed")


def test_forgetting_and_unsubscribing(platform: Simulated) -> None:
    client = _client(platform)
    client.bulk_update_user([{"email": "a@example.com"}, {"email": "b@example.com"}])
    client.update_subscriptions("b@example.com", unsubscribed_channel_ids=[1])
    assert platform.state("b@example.com")["people"]["b@example.com"]["subscription"] == "unsubscribed"
    client.forget_a_user_in_compliance_with_gdpr("a@example.com")
    answer = client.bulk_update_user([{"email": "a@example.com"}])
    assert answer["body"]["failedUpdates"]["forgottenEmails"] == ["a@example.com"]
    assert len(client.get_forgotten_users_in_complaince_with_gdpr()["body"]["hashedEmails"]) == 1


def test_a_wrong_key(platform: Simulated) -> None:
    answer = _client(platform, "other").get_lists()
    assert (answer["code"], answer["body"]["code"]) == (401, "BadApiKey")
