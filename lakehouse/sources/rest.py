"""Source kind `rest`: a paginated JSON API, read by dlt's REST client, which retries, backs off and honours
Retry-After.

Pages go to landing as they come; what repeats is dropped, what never ends is stopped. Only pages below the base URL's
host are followed: a link elsewhere would carry the token there. A redirect elsewhere is followed without it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
from dlt.sources.helpers.requests import Client
from dlt.sources.helpers.rest_client import RESTClient, paginators
from dlt.sources.helpers.rest_client.auth import APIKeyAuth, BearerTokenAuth, HttpBasicAuth

from lakehouse.config.feeds import Feed
from lakehouse.config.source_models import (
    ApiKey,
    Basic,
    Bearer,
    Cursor,
    LinkHeader,
    PageNumber,
    RestDataset,
    RestSource,
)
from lakehouse.errors import SourceUnavailableError, TerminalError
from lakehouse.formats.values import parse_json
from lakehouse.landing.incremental_load import IncrementalLoad
from lakehouse.landing.ledger import Ledger
from lakehouse.landing.watermark import is_within, watermark_of
from lakehouse.outcome import TableOutcome
from lakehouse.sources.connections import base_url
from lakehouse.window import BatchWindow

_REPEATS_ALLOWED = 3  # identical pages in a row before the API counts as turning in circles


def land_endpoint(feed: Feed, ledger: Ledger, window: BatchWindow) -> TableOutcome:
    """Land the records of the feed's endpoint: all of them, those from the last watermark on, or for a backfill those
    of its window.

    Raises SourceUnavailableError when the API cannot be reached or keeps failing, TerminalError when it refuses.
    """
    declared = feed.declaration
    assert isinstance(feed.origin, RestSource)
    assert isinstance(declared, RestDataset)
    watermark = declared.watermark or ""
    is_again = bool(window.is_backfill and not window.is_full and watermark)
    with _mapped_errors(feed), IncrementalLoad(feed, ledger, declared.path, window.is_full, is_again) as load:
        columns: dict[str, None] = {}
        since = window.start if is_again else load.start
        for page, is_repeated in _pages(feed, feed.origin, declared, _parameters(declared, since)):
            records = (
                [record for record in page if is_within(watermark_of(record.get(watermark)), window)]
                if is_again
                else page
            )
            if is_repeated:
                load.skip(records)
                continue
            columns |= dict.fromkeys(name for record in records for name in record)
            load.add(records, [watermark_of(record.get(watermark)) if watermark else None for record in records])
        if columns:
            load.check_columns(feed.required_columns, list(columns))
        return load.finish()


def _parameters(declared: RestDataset, start: Any) -> dict[str, str | int]:
    parameters = dict(declared.params)
    since = _written(start) if start is not None else declared.since
    if declared.since_parameter and since is not None:
        parameters[declared.since_parameter] = since
    return parameters


def _written(watermark: Any) -> str:
    """A watermark as a query parameter: ISO 8601, with Z for UTC as most APIs write it."""
    return watermark.isoformat().replace("+00:00", "Z") if isinstance(watermark, (date, datetime)) else str(watermark)


def _pages(
    feed: Feed, source: RestSource, declared: RestDataset, parameters: dict[str, str | int]
) -> Iterator[tuple[list[dict[str, Any]], bool]]:
    """Records page by page, and whether the page is the one before once more."""
    before, repeats = b"", 0
    for number, page in enumerate(_client(feed, source, declared).paginate(declared.path, params=parameters), 1):
        records = _records(feed, declared, page.response)
        content = hashlib.sha256(page.response.content).digest()
        repeats = repeats + 1 if records and content == before else 0
        before = content
        if repeats >= _REPEATS_ALLOWED or number > declared.max_pages:
            found = (
                f"sent the same page {repeats + 1} times" if repeats else f"has more than {declared.max_pages} pages"
            )
            raise TerminalError(
                f"source {feed.source}: {declared.path} {found}",
                "Correct `pagination` (or `max_pages`) in sources.yml.",
            )
        yield records, repeats > 0
        follows = page.request.url
        if page.paginator.has_next_page and urlsplit(follows)[:2] != urlsplit(page.response.url)[:2]:
            elsewhere = urlsplit(follows).netloc
            raise TerminalError(
                f"source {feed.source}: {declared.path} links to another host, {elsewhere}",
                "Check the API before you trust it.",
            )
        if source.requests_per_second:
            time.sleep(1 / source.requests_per_second)


def _records(feed: Feed, declared: RestDataset, response: requests.Response) -> list[dict[str, Any]]:
    found = parse_json(response.content)
    for key in filter(None, declared.records.split(".")):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        where = f"at {declared.records!r}" if declared.records else "as the body"
        problem = f"source {feed.source}: {declared.path} has no list of objects {where}"
        raise TerminalError(problem, "Correct `records` in sources.yml, or ask the API's owner.")
    return found


def _client(feed: Feed, source: RestSource, declared: RestDataset) -> RESTClient:
    retrying = Client(
        request_timeout=source.timeout_seconds,
        raise_for_status=False,
        request_max_attempts=source.attempts,
        request_max_retry_delay=source.longest_wait_seconds,
        retry_condition=_is_not_json,
    )
    if isinstance(source.auth, ApiKey):
        _keep_at_home(retrying.session, source.auth.header)
    return RESTClient(
        base_url=base_url(feed.source, source),
        auth=_auth(source),
        paginator=_paginator(declared),
        data_selector=declared.records or "$",
        session=retrying.session,
        config=RuntimeConfiguration(dlthub_telemetry=False),
    )


def _keep_at_home(session: requests.Session, header: str) -> None:
    """Drop this header where a redirect leaves the host, as requests does with Authorization only."""
    rebuild = session.rebuild_auth

    def rebuild_auth(prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        if session.should_strip_auth(str(response.request.url), str(prepared_request.url)):
            prepared_request.headers.pop(header, None)
        rebuild(prepared_request, response)

    session.rebuild_auth = rebuild_auth  # type: ignore[method-assign]


def _is_not_json(response: requests.Response | None, error: BaseException | None) -> bool:
    """An answer that says it is fine but was cut, or is an error page: worth another attempt."""
    if response is None or not response.ok:
        return False
    try:
        response.json()
    except ValueError:
        return True
    return False


def _auth(source: RestSource) -> requests.auth.AuthBase | None:
    match source.auth:
        case Bearer(token=token):
            return BearerTokenAuth(token.resolve())
        case ApiKey(header=header, key=key):
            return APIKeyAuth(name=header, api_key=key.resolve(), location="header")
        case Basic(user=user, password=password):
            return HttpBasicAuth(user.resolve(), password.resolve())
    return None


def _paginator(declared: RestDataset) -> paginators.BasePaginator:
    match declared.pagination:
        case LinkHeader():
            return paginators.HeaderLinkPaginator()
        case Cursor(next=path, parameter=parameter):
            return paginators.JSONResponseCursorPaginator(cursor_path=path, cursor_param=parameter)
        case PageNumber(parameter=parameter, first=first):
            return paginators.PageNumberPaginator(
                base_page=first, page_param=parameter, total_path=None, stop_after_empty_page=True
            )
    return paginators.SinglePagePaginator()


@contextmanager
def _mapped_errors(feed: Feed) -> Iterator[None]:
    """Errors of requests are raised as errors of this project, without the URL's parameters (they may be personal or
    secret)."""
    assert isinstance(feed.origin, RestSource)
    assert isinstance(feed.declaration, RestDataset)
    what = feed.declaration.path
    try:
        yield
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status == 429 or status >= 500:
            remedy = f"It was asked {feed.origin.attempts} times; run again later."
            raise SourceUnavailableError(feed.source, f"{what} answers {status}", remedy) from error
        remedy = (
            "Check the token and its rights." if status in (401, 403) else "Correct the declaration in sources.yml."
        )
        raise TerminalError(f"source {feed.source}: {what} answers {status}", remedy) from error
    except requests.JSONDecodeError as error:
        raise SourceUnavailableError(
            feed.source, f"{what} does not answer with JSON", "Look at the API in a browser; run again later."
        ) from error
    except requests.RequestException as error:
        remedy = "Check `base_url` and the network, then run again."
        raise SourceUnavailableError(
            feed.source, f"{what} cannot be reached: {type(error).__name__}", remedy
        ) from error
    except ValueError as error:
        raise SourceUnavailableError(
            feed.source, f"{what} does not answer with whole JSON: {error}", "Run again later."
        ) from error
