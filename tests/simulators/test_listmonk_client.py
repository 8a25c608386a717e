"""The client `listmonk` makes its calls against the simulator, and understands the answers."""

from __future__ import annotations

from collections.abc import Iterator

import listmonk
import pytest

from tests.simulators.listmonk_calls import TOKEN, call, import_rows, row, subscriber
from tests.support.simulators import Simulated, simulated


@pytest.fixture
def platform() -> Iterator[Simulated]:
    with simulated("listmonk", token=TOKEN) as running:
        listmonk.set_url_base(running.url)
        assert listmonk.login(*TOKEN.split(":"))
        yield running


def test_logging_in(platform: Simulated) -> None:
    assert listmonk.is_healthy()
    assert not listmonk.login("api_user", "other")


def test_subscribers_of_an_import(platform: Simulated) -> None:
    import_rows(platform, row("a+b@example.com", "Ann", tier="gold"), row("c@example.com"))
    found = listmonk.subscriber_by_email("a+b@example.com")
    assert found is not None
    assert (found.name, found.attribs, [each["id"] for each in found.lists]) == ("Ann", {"tier": "gold"}, [1])
    assert listmonk.subscriber_by_id(found.id) == found
    assert listmonk.subscriber_by_uuid(str(found.uuid)) == found
    assert [each.email for each in listmonk.subscribers(list_id=1)] == ["c@example.com", "a+b@example.com"]
    assert listmonk.subscriber_by_email("nobody@example.com") is None


def test_creating_updating_blocking_deleting(platform: Simulated) -> None:
    made = listmonk.create_subscriber("a@example.com", "Ann", {1}, attribs={"tier": "gold"})
    made.attribs = {"tier": "silver"}
    changed = listmonk.update_subscriber(made, add_to_lists={2}, remove_from_lists={1})
    assert changed is not None
    assert (changed.attribs, [each["id"] for each in changed.lists]) == ({"tier": "silver"}, [2])
    listmonk.block_subscriber(changed)
    assert subscriber(platform, "a@example.com")["subscription"] == "blocklisted"
    assert listmonk.delete_subscriber("a@example.com")
    assert platform.state()["people"] == {}


def test_lists(platform: Simulated) -> None:
    made = listmonk.create_list("VIP")
    assert [found.name for found in listmonk.lists()] == ["Default list", "Opt-in list", "VIP"]
    one = listmonk.create_subscriber("a@example.com", "Ann")
    assert listmonk.add_subscribers_to_lists([one.id], [made.id], status="unconfirmed")
    assert listmonk.list_by_id(made.id).subscriber_count == 1
    removal = {"ids": [one.id], "target_list_ids": [made.id], "action": "remove"}
    assert call(platform, "PUT", "subscribers/lists", removal).json() == {"data": True}
    assert listmonk.subscribers(list_id=made.id) == []
