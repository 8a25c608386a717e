"""Klaviyo's own client makes its calls against the simulator, and understands the answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from klaviyo_api import KlaviyoAPI
from openapi_client.exceptions import ApiException

from tests.simulators.klaviyo_calls import import_job, profile
from tests.support.simulators import TOKEN, Simulated, simulated


@pytest.fixture
def platform() -> Iterator[Simulated]:
    with simulated("klaviyo", seconds_of_a_job=0.3) as running:
        yield running


def _client(platform: Simulated, key: str = TOKEN) -> Any:
    return KlaviyoAPI(key, max_retries=0, test_host=platform.url)


def test_an_import_with_its_errors(platform: Simulated) -> None:
    client = _client(platform)
    rows = [profile("a@example.com", properties={"tier": "gold"}), profile("not an address")]
    job = client.Profiles.bulk_import_profiles(import_job(*rows)).data
    assert (job.attributes.status, job.attributes.total_count) == ("queued", 2)
    deadline = time.monotonic() + 10
    while (job := client.Profiles.get_bulk_import_profiles_job(job.id).data).attributes.status != "complete":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (job.attributes.completed_count, job.attributes.failed_count) == (1, 1)
    (error,) = client.Profiles.get_errors_for_bulk_import_profiles_job(job.id, page_size=100).data
    assert error.attributes.detail == "Invalid email address"
    assert error.attributes.original_payload == {"email": "not an address"}
    found = client.Profiles.get_profiles(filter='equals(email,"a@example.com")').data
    assert [each.attributes.properties for each in found] == [{"tier": "gold"}]


def test_lists(platform: Simulated) -> None:
    client = _client(platform)
    made = client.Lists.create_list({"data": {"type": "list", "attributes": {"name": "VIP"}}}).data
    person = client.Profiles.create_profile({"data": profile("a@example.com")}).data
    members = {"data": [{"type": "profile", "id": person.id}]}
    client.Lists.add_profiles_to_list(made.id, members)
    assert [each.id for each in client.Lists.get_profiles_for_list(made.id).data] == [person.id]
    client.Lists.remove_profiles_from_list(made.id, members)
    assert client.Lists.get_profiles_for_list(made.id).data == []


@pytest.mark.parametrize(("key", "status"), [(TOKEN, 409), ("wrong", 401)])
def test_errors(platform: Simulated, key: str, status: int) -> None:
    _client(platform).Profiles.create_profile({"data": profile("a@example.com")})
    with pytest.raises(ApiException) as caught:
        _client(platform, key).Profiles.create_profile({"data": profile("a@example.com")})
    assert caught.value.status == status
