"""Customer.io's own client makes its calls against the simulator, and understands the answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from customerio import CustomerIO, CustomerIOException
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

from tests.support.simulators import Simulated, simulated


class _WithoutTls(HTTPAdapter):
    """The client speaks HTTPS only, and the simulator HTTP."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        request.url = str(request.url).replace("https://", "http://", 1)
        return super().send(request, *args, **kwargs)


class _Client(CustomerIO):
    def _build_session(self) -> Session:
        session: Session = super()._build_session()
        session.mount("https://", _WithoutTls())
        return session


@pytest.fixture
def platform() -> Iterator[Simulated]:
    with simulated("customerio", token="site:key") as running:
        yield running


def _client(platform: Simulated, key: str = "key") -> CustomerIO:
    return _Client("site", key, host="127.0.0.1", port=platform.port)


def _identify(id: str, **attributes: Any) -> dict[str, Any]:
    return {"type": "person", "action": "identify", "identifiers": {"id": id}, "attributes": attributes}


def test_identify_suppress_and_delete(platform: Simulated) -> None:
    client = _client(platform)
    client.identify("1", email="a@example.com", born=datetime(2000, 1, 1, tzinfo=UTC))
    client.identify("b@example.com", tier="gold")
    people = platform.state()["people"]
    assert (people["1"]["facts"], people["b@example.com"]["facts"]) == ({"born": 946684800}, {"tier": "gold"})
    client.delete("b@example.com")
    client.suppress("1")
    client.identify("1", tier="gold")
    assert platform.state()["people"] == {}
    client.unsuppress("1")
    client.identify("1", tier="gold")
    assert set(platform.state()["people"]) == {"1"}


def test_events_and_merging(platform: Simulated) -> None:
    client = _client(platform)
    client.identify("1")
    client.identify("2", city="Bonn")
    client.track("1", "order", {"total": 5}, id="01A")
    client.track("1", "order", {"total": 5}, id="01A")
    client.merge_customers("id", "1", "id", "2")
    state = platform.state()
    assert state["people"]["1"]["facts"] == {"city": "Bonn"}
    assert state["events"] == [{"person": "1", "name": "order", "data": {"total": 5}}]


def test_a_batch_with_an_error(platform: Simulated) -> None:
    answer = _client(platform).batch([_identify("1"), _identify("2", bio="x" * 1001)])
    assert answer.status_code == 207
    assert [error["batch_index"] for error in answer.json()["errors"]] == [1]


def test_wrong_credentials_and_a_wrong_body_are_errors(platform: Simulated) -> None:
    with pytest.raises(CustomerIOException, match="401"):
        _client(platform, "other").identify("1")
    with pytest.raises(CustomerIOException, match=r"400.*event name must not be blank"):
        _client(platform).track("1", " ")
