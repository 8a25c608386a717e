"""How pages of an API end, what a quiet day looks like, and rows that move while pages are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lakehouse.errors import LakehouseError, TerminalError
from lakehouse.sources.rest_pages import announced_total
from tests.sources.api import Answer, Api
from tests.sources.conftest import Home

DECLARED = """
sources:
  shop:
    kind: rest
    base_url: {url}
    attempts: 1
    datasets:
      products:
        path: products
        {options}
        other_columns: "*"
        mapping: {{product_id: id, name: the name}}
"""
PAGES = "records: items\n        pagination: {kind: page_number, parameter: page}\n        load: full"
CURSOR = "records: items\n        pagination: {kind: cursor, next: next, parameter: page}\n        load: full"
SINGLE = "records: items\n        pagination: {kind: none}\n        load: full"
INCREMENT = (
    "records: items\n        pagination: {kind: page_number, parameter: page}\n        load: increment\n"
    "        watermark: changed\n        since_parameter: since"
)


def _items(*numbers: int, **more: Any) -> list[dict[str, Any]]:
    return [{"id": number, "the name": f"n{number}"} | more for number in numbers]


def _page(rows: list[Any], number: int, size: int = 2) -> list[Any]:
    return rows[(number - 1) * size : number * size]


def _declare(home: Home, api: Api, options: str) -> None:
    home.declare(DECLARED.format(url=api.url, options=options))


def _ids(home: Home) -> list[str]:
    """Ids of the newest landed snapshot."""
    rows = home.landed("shop", "products")
    newest = max((path.stat().st_mtime_ns, path.stem) for path in (home.path / "landing").rglob("*.parquet"))[1]
    return sorted(row["id"] for row in rows if row["_source_file"].endswith(newest))


def _clamped(total: bool) -> Callable[[str, dict[str, str]], Answer]:
    """Numbers beyond the last page get the last page once more, with the number that was clamped to."""

    def answer(path: str, query: dict[str, str]) -> Answer:
        number = int(query["page"])
        body = {"items": _page(_items(1, 2, 3, 4, 5), min(number, 3)), "asked": number}
        return Answer(body | ({"total_count": 5} if total else {}))

    return answer


@pytest.mark.parametrize(("total", "requests"), [(True, 4), (False, 6)])
def test_a_page_that_repeats_is_the_end(home: Home, api: Api, total: bool, requests: int) -> None:
    api.answer = _clamped(total)
    _declare(home, api, PAGES)
    (outcome,) = home.extract("products")
    assert (outcome.loaded, outcome.warnings) == (5, ())
    assert len(api.requests) == requests


def test_all_on_one_page_that_repeats_is_the_end_when_the_total_says_so(home: Home, api: Api) -> None:
    api.answer = lambda path, query: Answer({"items": _items(1, 2), "meta": {"total": 2}})
    _declare(home, api, PAGES)
    assert home.extract("products")[0].loaded == 2


@pytest.mark.parametrize("status", [400, 404, 416])
def test_a_number_after_the_last_page_that_is_refused_is_the_end(home: Home, api: Api, status: int) -> None:
    def answer(path: str, query: dict[str, str]) -> Answer:
        rows = _page(_items(1, 2, 3), int(query["page"]))
        return Answer({"items": rows}) if rows else Answer({"detail": "Invalid page."}, status)

    api.answer = answer
    _declare(home, api, PAGES)
    assert home.extract("products")[0].loaded == 3


@pytest.mark.parametrize(("status", "page"), [(404, 1), (403, 2), (410, 2)])
def test_errors_say_what_was_asked(home: Home, api: Api, status: int, page: int) -> None:
    def answer(path: str, query: dict[str, str]) -> Answer:
        number = int(query["page"])
        return Answer({"items": _items(number)}) if number < page else Answer({}, status)

    api.answer = answer
    _declare(home, api, PAGES + "\n        params: {who: jane}")
    with pytest.raises(TerminalError, match=f"products answers {status}") as caught:
        home.extract("products")
    query = caught.value.remedy.partition(" Asked: GET ")[2]
    assert query.startswith(f"{api.url}/products?") and f"page={page}" in query and "who=..." in query
    assert home.landed("shop", "products") == []


def test_a_cursor_that_is_a_link_is_followed(home: Home, api: Api) -> None:
    def answer(path: str, query: dict[str, str]) -> Answer:
        number = int(query.get("page", "1"))
        follows = f"{api.url}/products?page={number + 1}" if number < 3 else None
        return Answer({"items": _items(number), "next": follows})

    api.answer = answer
    _declare(home, api, CURSOR)
    assert home.extract("products")[0].loaded == 3
    assert api.queries == [{}, {"page": "2"}, {"page": "3"}]


def test_a_cursor_that_links_elsewhere_is_not_followed(home: Home, api: Api) -> None:
    api.answer = lambda path, query: Answer({"items": _items(1), "next": "http://127.0.0.1:9/products?page=2"})
    _declare(home, api, CURSOR)
    with pytest.raises(TerminalError, match="leads to another address"):
        home.extract("products")


@pytest.mark.parametrize(
    ("quiet", "warnings"),
    [
        (Answer({"items": None}), 0),
        (Answer({"items": []}), 0),
        (Answer({"kind": "list"}), 1),
        (Answer(b"", 204), 0),
        (Answer(None), 0),
    ],
    ids=["null", "empty", "missing", "204", "null body"],
)
def test_a_quiet_day_brings_nothing_new(home: Home, api: Api, quiet: Answer, warnings: int) -> None:
    api.answer = lambda path, query: Answer({"items": _items(1, changed="2017-01-01T10:00:00Z")})
    _declare(home, api, INCREMENT.replace("{kind: page_number, parameter: page}", "{kind: none}"))
    assert home.extract("products")[0].loaded == 1
    api.answer = lambda path, query: quiet
    (outcome,) = home.extract("products")
    assert (outcome.skipped, len(outcome.warnings)) == (True, warnings)


@pytest.mark.parametrize("body", [{"error": "too many"}, {"items": None, "errors": [{"code": 7}]}])
def test_an_error_that_says_it_is_fine_is_no_quiet_day(home: Home, api: Api, body: dict[str, Any]) -> None:
    api.answer = lambda path, query: Answer({"items": _items(1, changed="2017-01-01T10:00:00Z"), "errors": []})
    _declare(home, api, INCREMENT.replace("{kind: page_number, parameter: page}", "{kind: none}"))
    home.extract("products")
    api.answer = lambda path, query: Answer(body)
    with pytest.raises(LakehouseError, match="products answers 200, but with an error where records should be"):
        home.extract("products")


def test_nothing_announced_is_nothing_new_on_the_first_day_too(home: Home, api: Api) -> None:
    api.answer = lambda path, query: Answer({"total": 0})
    _declare(home, api, PAGES)
    assert home.extract("products")[0].skipped


def test_a_last_page_without_its_key_is_the_end(home: Home, api: Api) -> None:
    def answer(path: str, query: dict[str, str]) -> Answer:
        rows = _page(_items(1, 2, 3), int(query["page"]))
        return Answer({"kind": "list"} | ({"items": rows} if rows else {}))

    api.answer = answer
    _declare(home, api, PAGES)
    (outcome,) = home.extract("products")
    assert (outcome.loaded, outcome.warnings) == (3, ())


def test_a_quiet_day_of_snapshots_deletes_nothing(home: Home, api: Api) -> None:
    api.answer = lambda path, query: Answer({"items": _items(1)})
    _declare(home, api, SINGLE)
    home.extract("products")
    api.answer = lambda path, query: Answer({"items": None})
    (outcome,) = home.extract("products")
    assert outcome.skipped
    assert "nothing is deleted" in outcome.warnings[0]


def test_a_wrong_place_of_records_is_an_error_on_the_first_day(home: Home, api: Api) -> None:
    api.answer = lambda path, query: Answer({"results": _items(1)})
    _declare(home, api, SINGLE)
    with pytest.raises(LakehouseError, match=r"has no list of objects at 'items'.* Asked: GET"):
        home.extract("products")


class Shop:
    """Five products, three pages; `deleted` vanish after the first page of the first `shifted_readings` were sent."""

    def __init__(self, total: str | None, deleted: tuple[int, ...] = (), shifted_readings: int = 0) -> None:
        self.total, self.deleted, self.shifted_readings, self.readings = total, deleted, shifted_readings, 0

    def __call__(self, path: str, query: dict[str, str]) -> Answer:
        number = int(query["page"])
        self.readings += number == 1
        is_before = number == 1 and self.readings <= self.shifted_readings
        rows = _items(*(n for n in (1, 2, 3, 4, 5) if is_before or n not in self.deleted))
        return Answer({"items": _page(rows, number)} | ({self.total: len(rows)} if self.total else {}))


@pytest.mark.parametrize("total", ["total", "count", None])
def test_a_row_that_was_skipped_while_pages_moved_is_found_by_reading_again(
    home: Home, api: Api, total: str | None
) -> None:
    api.answer = Shop(total)
    _declare(home, api, PAGES)
    home.extract("products")
    api.answer = Shop(total, deleted=(1,), shifted_readings=1)
    (outcome,) = home.extract("products")
    assert _ids(home) == ["1", "2", "3", "4", "5"], "1 was still there when the first reading began"
    assert outcome.warnings == ()
    api.answer = Shop(total, deleted=(1,))
    home.extract("products")
    assert _ids(home) == ["2", "3", "4", "5"]


def test_rows_that_keep_moving_delete_nobody(home: Home, api: Api) -> None:
    api.answer = Shop("total")
    _declare(home, api, PAGES)
    home.extract("products")
    api.answer = Shop("total", deleted=(1,), shifted_readings=99)
    (outcome,) = home.extract("products")
    assert "nothing counts as deleted, and 1 rows of the load before" in outcome.warnings[0]
    assert _ids(home) == ["1", "2", "3", "4", "5"]
    assert outcome.read == outcome.loaded + outcome.duplicates
    assert home.extract("products")[0].skipped


@pytest.mark.parametrize("options", [SINGLE, PAGES])
def test_fewer_than_announced_deletes_nobody(home: Home, api: Api, options: str) -> None:
    rows = _items(1, 2, 3)
    api.answer = lambda path, query: Answer({"items": rows if query.get("page", "1") == "1" else [], "total": 3})
    _declare(home, api, options)
    home.extract("products")
    rows.pop()
    (outcome,) = home.extract("products")
    assert "2 of 3 records came while" in outcome.warnings[0]
    assert _ids(home) == ["1", "2", "3"]


def test_a_total_that_is_too_small_ends_nothing(home: Home, api: Api) -> None:
    api.answer = lambda path, query: Answer({"items": _page(_items(1, 2, 3, 4, 5), int(query["page"])), "total": 2})
    _declare(home, api, PAGES)
    assert home.extract("products")[0].loaded == 5


def test_an_increment_that_was_shifted_is_read_once_more(home: Home, api: Api) -> None:
    _declare(home, api, INCREMENT)
    days = {n: {"changed": f"2017-01-0{n}T10:00:00Z"} for n in (1, 2, 3, 4, 5)}

    def answer(path: str, query: dict[str, str]) -> Answer:
        first = _items(1) if query["page"] == "1" or not is_shifted else []
        rows = [row | days[row["id"]] for row in first + _items(2, 3, 4, 5)]
        rows = [row for row in rows if row["changed"] >= query.get("since", "")]
        return Answer({"items": _page(rows, int(query["page"])), "total": len(rows)})

    api.answer, is_shifted = answer, True
    (outcome,) = home.extract("products")
    assert "some may have been skipped; the next load reads the same once more" in outcome.warnings[0]
    is_shifted = False
    home.extract("products")
    assert {row["id"] for row in home.landed("shop", "products")} == {"1", "2", "3", "4", "5"}


def test_a_watermark_within_a_value(home: Home, api: Api) -> None:
    rows = [{"id": 1, "attributes": {"updated": "2017-01-01T10:00:00Z", "name": "x"}}]
    api.answer = lambda path, query: Answer({"items": rows})
    nested = INCREMENT.replace("{kind: page_number, parameter: page}", "{kind: none}")
    text = DECLARED.format(url=api.url, options=nested.replace("watermark: changed", "watermark: attributes.updated"))
    home.declare(text.replace("the name", "{expression: \"get_json_object(attributes, '$.name')\"}"))
    assert home.extract("products")[0].loaded == 1
    assert home.extract("products")[0].skipped
    assert api.queries == [{}, {"since": "2017-01-01T09:59:59Z"}], "a second more, for an API may exclude the boundary"
    rows[0]["attributes"]["name"] = "changed within the second"
    assert home.extract("products")[0].loaded == 1


def test_half_an_emoji_costs_its_characters(home: Home, api: Api) -> None:
    api.answer = lambda path, query: Answer(
        b'{"items": [{"id": 1, "the name": "a"}, {"id": 2, "the name": "Zo\\ud83d"}, {"id": 3, "the name": "c"}]}'
    )
    _declare(home, api, SINGLE)
    (outcome,) = home.extract("products")
    assert [row["the_name"] for row in home.landed("shop", "products")] == ["a", "Zo\ufffd", "c"]
    assert "_row_number 2 (the name)" in outcome.warnings[0]


@pytest.mark.parametrize(
    ("body", "path", "headers", "expected"),
    [
        ({"total": "7"}, "items", {}, 7),
        ({"data": {"items": [], "totalCount": "7"}}, "data.items", {}, 7),
        ({"meta": {"total_count": "7"}}, "items", {}, 7),
        ({"page": {"totalElements": "7"}}, "items", {}, 7),
        ([], "", {"X-WP-Total": "7"}, 7),
        ({"count": "7"}, "items", {}, 7),
        ({"count": "3"}, "items", {}, None),  # as many as the page has: it counts the page
        ({"total": "19.99"}, "items", {}, None),
        ({"total": None}, "items", {}, None),
        ({"orders": {"total": "7"}}, "items", {}, None),
    ],
)
def test_how_many_an_api_announces(body: Any, path: str, headers: dict[str, str], expected: int | None) -> None:
    assert announced_total(body, path, headers, count_records=3, is_known=False) == expected
