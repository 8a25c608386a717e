"""Source kind rest against a real HTTP server that misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from lakehouse.errors import ConfigurationError, ContractError, LakehouseError, SourceUnavailableError, TerminalError
from tests.sources.api import TOKEN, Answer, Api, serve
from tests.sources.conftest import Home

DECLARED = """
sources:
  loyalty:
    kind: rest
    base_url: {url}/v1
    auth: {{kind: bearer, token: "${{LOYALTY_TOKEN}}"}}
    timeout_seconds: 0.5
    attempts: 3
    longest_wait_seconds: 0.1
    datasets:
      products:
        path: products
        {options}
        mapping: {{product_id: id, name: name}}
"""
CURSOR = (
    "records: data.items\n        pagination: {kind: cursor, next: meta.next, parameter: after}\n        load: full"
)
PAGES = "pagination: {kind: page_number, parameter: page}\n        load: full"
LINKS = "pagination: {kind: link_header}\n        load: full"
SINGLE = "pagination: {kind: none}\n        load: full"
INCREMENT = (
    "pagination: {kind: none}\n        load: increment\n        watermark: changed\n        since_parameter: since\n"
    '        since: "2017-01-01T00:00:00Z"\n        lookback: 1 hour\n        other_columns: "*"'
)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("LOYALTY_TOKEN", TOKEN)
    with serve() as running:
        yield running


def _item(number: int) -> dict[str, Any]:
    return {"id": number, "name": f"n{number}"}


def _declare(home: Home, api: Api, options: str) -> None:
    home.declare(DECLARED.format(url=api.url, options=options))


def _ids(home: Home) -> list[str]:
    return [row["id"] for row in home.landed("loyalty", "products")]


def _by_cursor(path: str, query: dict[str, str]) -> Answer:
    start = int(query.get("after", "0"))
    return Answer(
        {
            "data": {"items": [_item(n) for n in range(start, min(start + 3, 8))]},
            "meta": {"next": str(start + 3) if start + 3 < 8 else None},
        }
    )


def test_cursor_pages(home: Home, api: Api) -> None:
    api.answer = _by_cursor
    _declare(home, api, CURSOR)
    (outcome,) = home.extract("products")
    assert (outcome.read, outcome.loaded) == (8, 8)
    assert _ids(home) == [str(number) for number in range(8)]
    assert api.queries == [{}, {"after": "3"}, {"after": "6"}]
    assert home.landed("loyalty", "products")[0]["_source_file"].startswith("products@")
    assert home.extract("products")[0].skipped, "unchanged content does not land again"


KINDS_OF_AUTH = {
    "bearer": ('{kind: bearer, token: "${LOYALTY_TOKEN}"}', ("Authorization", f"Bearer {TOKEN}")),
    "api_key": ('{kind: api_key, header: X-Key, key: "${LOYALTY_TOKEN}"}', ("X-Key", TOKEN)),
    "basic": (
        '{kind: basic, user: "${LOYALTY_TOKEN}", password: "${LOYALTY_TOKEN}"}',
        ("Authorization", "Basic dDBrZW46dDBrZW4="),
    ),
}


@pytest.mark.parametrize("kind", KINDS_OF_AUTH)
def test_a_redirect_to_another_host_is_not_followed(home: Home, api: Api, kind: str) -> None:
    declared, api.wants = KINDS_OF_AUTH[kind]
    with serve() as elsewhere:
        elsewhere.wants, elsewhere.answer = None, lambda path, query: Answer([_item(1)])
        api.answer = lambda path, query: Answer(
            {}, 302, {"Location": f"{elsewhere.url}/stolen" if path.endswith("moved") else f"{api.url}/v1/moved"}
        )
        home.declare(
            DECLARED.format(url=api.url, options=SINGLE).replace('{kind: bearer, token: "${LOYALTY_TOKEN}"}', declared)
        )
        with pytest.raises(TerminalError, match=r"leads to another address, http://127\.0\.0\.1"):
            home.extract("products")
    name, secret = api.wants
    assert [headers.get(name) for headers in api.headers] == [secret, secret], "within the host it is kept"
    assert elsewhere.requests == []
    assert home.landed("loyalty", "products") == [], "records of another host are nobody's"


def test_a_redirect_leads_to_no_host_that_an_answer_names(home: Home, api: Api) -> None:
    """Shown before: the host of the answer counted as home, so that its link to the next page got the token."""
    with serve() as elsewhere:
        elsewhere.wants = None
        elsewhere.answer = lambda path, query: Answer(
            [_item(1)], headers={"Link": f'<{elsewhere.url}/v1/next>; rel="next"'}
        )
        api.answer = lambda path, query: Answer({}, 302, {"Location": f"{elsewhere.url}/v1/products"})
        _declare(home, api, LINKS)
        with pytest.raises(TerminalError, match="leads to another address"):
            home.extract("products")
        assert elsewhere.requests == []


def test_a_cursor_that_is_a_url_is_followed_at_home_only(home: Home, api: Api) -> None:
    with serve() as elsewhere:
        api.answer = lambda path, query: Answer(
            {"data": {"items": [_item(1)]}, "meta": {"next": f"{elsewhere.url}/v1/products?after=2"}}
        )
        _declare(home, api, CURSOR)
        with pytest.raises(TerminalError, match="leads to another address"):
            home.extract("products")
        assert elsewhere.requests == []


def test_parameters_and_headers_may_be_references(home: Home, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOYALTY_KEY", "k3y-of-the-api")
    api.answer = lambda path, query: Answer([_item(1)])
    asked = SINGLE + '\n        params: {api_key: "${LOYALTY_KEY}", limit: 100}'
    declared = DECLARED.format(url=api.url, options=asked).replace(
        "    timeout_seconds", '    headers: {X-Tenant-Token: "t-${LOYALTY_KEY}", X-Version: 2}\n    timeout_seconds'
    )
    home.declare(declared)
    assert home.extract("products")[0].loaded == 1
    assert api.queries == [{"api_key": "k3y-of-the-api", "limit": "100"}]
    assert (api.headers[0]["X-Tenant-Token"], api.headers[0]["X-Version"]) == ("t-k3y-of-the-api", "2")


@pytest.mark.parametrize(
    ("changed", "to", "name"),
    [
        ("/v1", "/v1?api_key=literal7", "api_key"),
        ("path: products", "path: products?token=literal7", "token"),
        ("path: products", "path: products\n        params: {{apiKey: literal7}}", "apiKey"),
        ("    timeout_seconds", "    headers: {{X-Api-Key: literal7}}\n    timeout_seconds", "X-Api-Key"),
        ("kind: rest\n    base_url: {url}/v1", "kind: files\n    location: https://host/?sig=literal7", "sig"),
    ],
)
def test_a_literal_secret_is_refused_with_what_to_write(home: Home, api: Api, changed: str, to: str, name: str) -> None:
    home.declare(DECLARED.replace(changed, to, 1).format(url=api.url, options=SINGLE))
    with pytest.raises(ConfigurationError, match=f"{name} looks like a secret and is written out") as refused:
        home.extract("products")
    assert f"expected: a reference, {name}: ${{NAME}}".lower() in str(refused.value).lower()
    assert "literal7" not in str(refused.value) and refused.value.line


def test_numbered_pages_end_with_an_empty_one(home: Home, api: Api) -> None:
    api.answer = lambda path, query: Answer([_item(int(query["page"]))] if int(query["page"]) <= 3 else [])
    _declare(home, api, PAGES)
    assert home.extract("products")[0].loaded == 3
    assert [query["page"] for query in api.queries] == ["1", "2", "3", "4"]


def test_pages_linked_by_header(home: Home, api: Api) -> None:
    def answer(path: str, query: dict[str, str]) -> Answer:
        page = int(query.get("p", "0"))
        return Answer(
            [_item(page)], headers={"Link": f'<{api.url}/v1/products?p={page + 1}>; rel="next"'} if page < 2 else {}
        )

    api.answer = answer
    _declare(home, api, LINKS)
    assert home.extract("products")[0].loaded == 3


def test_a_link_to_another_host_is_not_followed(home: Home, api: Api) -> None:
    with serve() as elsewhere:
        api.answer = lambda path, query: Answer(
            [_item(1)], headers={"Link": f'<{elsewhere.url}/v1/products>; rel="next"'}
        )
        _declare(home, api, LINKS)
        with pytest.raises(TerminalError, match="leads to another address"):
            home.extract("products")
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "trouble",
    [
        Answer({}, 429, {"Retry-After": "0"}),
        Answer({}, 500),
        Answer({}, 503),
        Answer([_item(1)] * 50, cut=True),
        Answer(b'[{"id": 1, "na'),
        Answer(b"<html>maintenance</html>"),
        Answer([], delay=0.8),
    ],
    ids=["429", "500", "503", "truncated", "half JSON", "HTML", "slow"],
)
def test_trouble_that_passes(home: Home, api: Api, trouble: Answer) -> None:
    api.answer = _by_cursor
    api.troubles = [trouble]
    _declare(home, api, CURSOR)
    assert home.extract("products")[0].loaded == 8
    assert len(api.requests) == 4


def test_retry_after_is_honoured(home: Home, api: Api) -> None:
    api.answer = lambda path, query: Answer([_item(1)])
    api.troubles = [Answer({}, 429, {"Retry-After": "1"})]
    home.declare(
        DECLARED.format(url=api.url, options=SINGLE).replace("longest_wait_seconds: 0.1", "longest_wait_seconds: 5")
    )
    home.extract("products")
    assert api.requests[1][2] - api.requests[0][2] >= 1


@pytest.mark.parametrize(
    ("answer", "kind", "message", "attempts"),
    [
        (Answer({}, 500), SourceUnavailableError, "products answers 500", 3),
        (Answer({}, 429, {"Retry-After": "0"}), SourceUnavailableError, "products answers 429", 3),
        (Answer(b"<html>"), SourceUnavailableError, "does not answer with", 3),
        (Answer([], delay=0.8), SourceUnavailableError, "cannot be reached: ReadTimeout", 3),
        (Answer([_item(1)] * 50, cut=True), SourceUnavailableError, "cannot be reached", 3),
        (Answer({}, 404), TerminalError, "products answers 404", 1),
        (Answer({}, 403), TerminalError, "Check the token and its rights", 1),
        (Answer({"rows": []}), TerminalError, "has no list of objects as the body", 1),
        (Answer([1, 2]), TerminalError, "has no list of objects as the body", 1),
        (Answer([{"name": "x"}]), ContractError, "missing columns: id", 1),
        (Answer([{"id": 1, "ID": 2}]), ContractError, "two columns are called 'ID'", 1),
    ],
)
def test_trouble_that_stays(
    home: Home, api: Api, answer: Answer, kind: type[LakehouseError], message: str, attempts: int
) -> None:
    api.answer = lambda path, query: answer
    _declare(home, api, SINGLE)
    with pytest.raises(kind, match=message) as caught:
        home.extract("products")
    assert TOKEN not in str(caught.value)
    assert len(api.requests) == attempts
    assert _ids(home) == []
    assert not list((home.path / "landing").rglob("*.part"))


def test_a_wrong_token(home: Home, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    _declare(home, api, SINGLE)
    monkeypatch.setenv("LOYALTY_TOKEN", "wrong")
    with pytest.raises(TerminalError, match=r"products answers 401\. Check the token"):
        home.extract("products")
    monkeypatch.delenv("LOYALTY_TOKEN")
    with pytest.raises(ConfigurationError, match="environment variable LOYALTY_TOKEN is not set"):
        home.extract("products")


def test_nobody_listens(home: Home, api: Api) -> None:
    home.declare(DECLARED.format(url="http://127.0.0.1:15109", options=SINGLE))
    with pytest.raises(SourceUnavailableError, match="Check `base_url` and the network"):
        home.extract("products")


def test_a_page_sent_twice_is_counted_once(home: Home, api: Api) -> None:
    pages = {"1": [_item(1)], "2": [_item(2)], "3": [_item(2)], "4": [_item(3)]}
    api.answer = lambda path, query: Answer(pages.get(query["page"], []))
    _declare(home, api, PAGES)
    (outcome,) = home.extract("products")
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (4, 3, 1)


def test_an_api_that_never_ends_is_stopped(home: Home, api: Api) -> None:
    api.answer = lambda path, query: Answer([_item(1)])
    _declare(home, api, PAGES)
    with pytest.raises(TerminalError, match="sent the same page 4 times"):
        home.extract("products")
    api.answer = lambda path, query: Answer([_item(int(query["page"]))])
    _declare(home, api, PAGES + "\n        max_pages: 5")
    with pytest.raises(TerminalError, match="has more than 5 pages"):
        home.extract("products")
    assert _ids(home) == []


def test_increments(home: Home, api: Api) -> None:
    records = [
        _item(1) | {"changed": "2017-03-01T10:00:00Z"},
        _item(2) | {"changed": "2017-03-01T12:00:00Z", "score": 1.10},
    ]

    def answer(path: str, query: dict[str, str]) -> Answer:
        return Answer([record for record in records if record["changed"] >= query["since"]])

    api.answer = answer
    _declare(home, api, INCREMENT)
    assert home.extract("products")[0].loaded == 2
    assert home.extract("products")[0].skipped
    records.append(_item(3) | {"changed": "2017-03-01T11:30:00Z"})
    records.append(_item(4) | {"changed": "2017-03-02T00:00:00Z"})
    (outcome,) = home.extract("products")
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (3, 2, 1)
    home.extract("products")
    home.extract("products", is_full=True)
    assert [query["since"] for query in api.queries] == [
        "2017-01-01T00:00:00Z", "2017-03-01T11:00:00Z", "2017-03-01T11:00:00Z",
        "2017-03-01T23:00:00Z", "2017-01-01T00:00:00Z",
    ]  # fmt: skip


def test_a_backfill_asks_for_its_window_again_and_the_next_load_goes_on(home: Home, api: Api) -> None:
    records = [_item(day) | {"changed": f"2017-03-0{day}T10:00:00Z"} for day in (1, 2, 3)]
    api.answer = lambda path, query: Answer([record for record in records if record["changed"] >= query["since"]])
    _declare(home, api, INCREMENT)
    home.extract("products")
    records[1]["name"] = "repaired"
    again = home.backfill("products", datetime(2017, 3, 2, tzinfo=UTC), datetime(2017, 3, 3, tzinfo=UTC))
    assert (again.read, again.loaded) == (1, 1)
    home.extract("products")
    assert [query["since"] for query in api.queries[1:]] == ["2017-03-02T00:00:00Z", "2017-03-03T09:00:00Z"]


def test_a_base_url_that_is_none_is_named_with_its_line(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOYALTY_TOKEN", TOKEN)
    home.declare(DECLARED.format(url="api.example", options=SINGLE))
    with pytest.raises(ConfigurationError, match=r"sources\.yml:5: the base URL of source loyalty cannot be parsed"):
        home.extract("products")


def test_never_faster_than_declared(home: Home, api: Api) -> None:
    api.answer = _by_cursor
    home.declare(
        DECLARED.format(url=api.url, options=CURSOR).replace("attempts: 3", "attempts: 3\n    requests_per_second: 10")
    )
    home.extract("products")
    moments = [moment for _, _, moment in api.requests]
    assert all(later - earlier >= 0.1 for earlier, later in pairwise(moments))
