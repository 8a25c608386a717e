"""The pages of an endpoint: where its records are, where the pages end, and signs that rows moved while they were read.

A page is shifted when a row before it is added or deleted meanwhile: then a row comes twice, or not at all.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from typing import Any

import requests

from lakehouse.config.feeds import Feed
from lakehouse.config.rest_models import PageNumber, RestDataset
from lakehouse.config.source_models import RestSource
from lakehouse.errors import SourceUnavailableError, TerminalError
from lakehouse.sources.rest_client import NO_CONTENT, ApiClient, api_client, asked

Record = dict[str, Any]

_REPEATS_ALLOWED = 3  # identical pages in a row before they count as the end, or the API as turning in circles
_PAST_THE_END = (400, 404, 416)  # what APIs answer for a page number after the last
# Where APIs say how many records there are in all; `count` is that only when it is more than a page has.
_TOTALS = frozenset({"total", "totalcount", "totalresults", "totalrecords", "totalitems", "totalelements", "totalsize"})
_TOTAL_HEADERS = ("X-Total-Count", "X-WP-Total", "X-Total", "Total-Count")
_ERRORS = frozenset({"error", "errors", "fault", "exception", "message", "detail"})
_HOLDERS = ("meta", "pagination", "paging", "page", "_meta")


class Reading:
    """One reading of all pages of an endpoint; what it saw is known when `pages` is exhausted.

    Attributes:
        count_pages: pages with records, without repeated ones.
        count_records: records on them.
        is_first_missing: the first page lacked the key where its records should be.
    """

    def __init__(self, feed: Feed, parameters: dict[str, str], is_known: bool) -> None:
        """`is_known`: earlier loads found records, so an answer without their key is a quiet day and no wrong
        declaration."""
        assert isinstance(feed.origin, RestSource)
        assert isinstance(feed.declaration, RestDataset)
        self._feed, self._source, self._declared = feed, feed.origin, feed.declaration
        self._parameters, self._is_known = parameters, is_known
        self.count_pages = self.count_records = 0
        self.is_first_missing = False
        self._totals: list[int] = []
        self._seen: set[bytes] = set()

    @property
    def total(self) -> int | None:
        """How many records the API announced last; None when it does not say."""
        return self._totals[-1] if self._totals else None

    @property
    def is_shifted(self) -> bool:
        """Whether the number of records changed while they were read."""
        return len(set(self._totals)) > 1

    @property
    def is_short(self) -> bool:
        """Whether fewer records came than were announced."""
        return self.total is not None and self.count_records < self.total

    def pages(self) -> Iterator[tuple[list[Record], bool]]:
        """Records page by page, and whether the page repeats one that came before.

        Raises TerminalError for an API that never ends, that links elsewhere, or whose answer has no records.
        """
        client = api_client(self._feed, self._source, self._declared)
        is_numbered = isinstance(self._declared.pagination, PageNumber)
        before, repeats = b"", 0
        for number, page in enumerate(self._answers(client, is_numbered), 1):
            records = self._records(client.body, page.response, is_first=number == 1)
            content = hashlib.sha256(repr(records).encode(errors="surrogatepass")).digest()
            is_repeated = bool(records) and (content in self._seen if is_numbered else content == before)
            before, repeats = content, repeats + 1 if is_repeated else 0
            self._seen.add(content)
            if not is_repeated:
                self._note(client.body, page.response, records)
            if is_repeated and is_numbered and self._is_over(repeats):
                yield records, True
                return
            self._stop_if_endless(number, repeats)
            yield records, is_repeated
            if self._source.requests_per_second:
                time.sleep(1 / self._source.requests_per_second)

    def _answers(self, client: ApiClient, is_numbered: bool) -> Iterator[Any]:
        """Pages as the client reads them; a number that is refused after pages with records is the end."""
        try:
            yield from client.paginate(self._declared.path, params=self._parameters)
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if not (is_numbered and self.count_pages and status in _PAST_THE_END):
                raise

    def _is_over(self, repeats: int) -> bool:
        """Whether a repeated page is what this API sends after its last: everything that was announced has come, or two
        pages differed, so that the parameter is the right one, and nothing new comes any more."""
        if self.total is not None and self.count_records >= self.total:
            return True
        return repeats >= _REPEATS_ALLOWED and self.count_pages > 1

    def _stop_if_endless(self, number: int, repeats: int) -> None:
        if repeats >= _REPEATS_ALLOWED or number > self._declared.max_pages:
            found = (
                f"sent the same page {repeats + 1} times"
                if repeats
                else f"has more than {self._declared.max_pages} pages"
            )
            raise TerminalError(
                f"source {self._feed.source}: {self._declared.path} {found}",
                "Correct `pagination` (or `max_pages`) in sources.yml.",
            )

    def _note(self, body: Any, response: requests.Response, records: list[Record]) -> None:
        self.count_pages += bool(records)
        self.count_records += len(records)
        total = announced_total(body, self._declared.records, response.headers, len(records), bool(self._totals))
        if total is not None:
            self._totals.append(total)

    def _records(self, body: Any, response: requests.Response, is_first: bool) -> list[Record]:
        """Records of a page; none for no content, for null, and for a missing key where the key is known."""
        if response.status_code == NO_CONTENT:
            return []
        what, question = f"source {self._feed.source}: {self._declared.path}", asked(self._declared, response.url)
        found, is_missing = body, False
        for key in filter(None, self._declared.records.split(".")):
            is_missing = is_missing or not (found is None or (isinstance(found, dict) and key in found))
            found = found.get(key) if isinstance(found, dict) else None
        if found is None and isinstance(body, dict) and _says_error(body):
            problem = f"{self._declared.path} answers {response.status_code}, but with an error where records should be"
            raise SourceUnavailableError(self._feed.source, problem, f"See what it says; run again later.{question}")
        if found is None and (not is_missing or self._may_leave_out(body, response, is_first)):
            self.is_first_missing = self.is_first_missing or (is_first and is_missing)
            return []
        if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
            where = f"at {self._declared.records!r}" if self._declared.records else "as the body"
            remedy = f"Correct `records` in sources.yml, or ask the API's owner.{question}"
            raise TerminalError(f"{what} has no list of objects {where}", remedy)
        return found

    def _may_leave_out(self, body: Any, response: requests.Response, is_first: bool) -> bool:
        """Whether a missing key means no records: somewhere it was right, or none are announced."""
        if not isinstance(body, dict):
            return False
        if self._is_known or not is_first:
            return True
        return announced_total(body, self._declared.records, response.headers, 0, is_known=True) == 0


def _says_error(body: Record) -> bool:
    return any(body[name] for name in body if name.lower() in _ERRORS)


def announced_total(body: Any, path: str, headers: Any, count_records: int, is_known: bool) -> int | None:
    """How many records an API says it has in all, in a header or beside the records; None when it does not say.

    Args:
        body: The answer.
        path: Where its records are, e.g. data.items.
        headers: Headers of the answer.
        count_records: Records on this page.
        is_known: An earlier page announced a total, so `count` may be one however small.
    """
    places: list[Any] = [{name: headers[name] for name in _TOTAL_HEADERS if name in headers}, body]
    for key in filter(None, path.split(".")):
        places.append(places[-1].get(key) if isinstance(places[-1], dict) else None)
    places += [body.get(name) for name in _HOLDERS] if isinstance(body, dict) else []
    for place in places:
        for name, value in place.items() if isinstance(place, dict) else ():
            plain = name.lower().replace("_", "").replace("-", "").removeprefix("x").removeprefix("wp")
            if (plain in _TOTALS or plain == "count") and str(value).isdecimal():
                total = int(value)
                if plain != "count" or is_known or total > count_records:
                    return total
    return None
