"""How an API is talked to: dlt's REST client, with retries, authentication, and the three ways in which pages follow
each other.

Only pages below the base URL's host are followed: a link elsewhere would carry the token there. A redirect elsewhere is
followed without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

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
from lakehouse.sources.capped_answers import CappedAnswers
from lakehouse.sources.connections import base_url

NO_CONTENT = 204


class ApiClient(RESTClient):
    """A client that keeps the whole body of the newest page, numbers as they were written; None for no content."""

    body: Any = None

    def extract_response(self, response: requests.Response, data_selector: Any) -> list[Any]:
        """What paginators are given: whether there is anything in the page is known when its records are looked for."""
        self.body = None if response.status_code == NO_CONTENT else parse_json(response.content)
        found = self.body
        for key in filter(None, str(data_selector).split(".")):
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, list) else []


class _CursorOrLink(paginators.JSONResponseCursorPaginator):
    """The cursor of the next page in the body; one that is a URL is followed as a link."""

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        """Find the next cursor; there is none without content."""
        if response.status_code == NO_CONTENT:
            self._next_reference = None
        else:
            super().update_state(response, data)

    def update_request(self, request: requests.Request) -> None:
        """Ask for the next page."""
        follows = self._next_reference
        if isinstance(follows, str) and follows.startswith(("http://", "https://")):
            request.url, request.params = follows, None
        else:
            super().update_request(request)


def api_client(feed: Feed, source: RestSource, declared: RestDataset) -> ApiClient:
    """A client for the pages of an endpoint.

    Raises ConfigurationError for a base URL that is none, and for a secret that is not set.
    """
    retrying = Client(
        request_timeout=source.timeout_seconds,
        raise_for_status=False,
        request_max_attempts=source.attempts,
        request_max_retry_delay=source.longest_wait_seconds,
        retry_condition=_is_not_json,
    )
    for scheme in ("http://", "https://"):
        retrying.session.mount(scheme, CappedAnswers(f"source {feed.source}: {declared.path}", declared.limits))
    if isinstance(source.auth, ApiKey):
        _keep_at_home(retrying.session, source.auth.header)
    return ApiClient(
        base_url=base_url(feed.source, source),
        auth=_auth(source),
        paginator=_paginator(declared),
        data_selector=declared.records or ".",
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
    if response is None or not response.ok or response.status_code == NO_CONTENT:
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
            return _CursorOrLink(cursor_path=path, cursor_param=parameter)
        case PageNumber(parameter=parameter, first=first):
            return paginators.PageNumberPaginator(
                base_page=first, page_param=parameter, total_path=None, stop_after_empty_page=True
            )
    return paginators.SinglePagePaginator()


def asked(declared: RestDataset, url: str | None) -> str:
    """`" Asked: GET https://host/v1/orders?page=3&limit=..."` for messages: only the values of the page number and of
    `since` are shown, others may be personal or secret."""
    if not url:
        return ""
    pagination = declared.pagination
    shown = {declared.since_parameter, pagination.parameter if isinstance(pagination, PageNumber) else None}
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(
        f"{name}={value if name in shown else '...'}" for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    return f" Asked: GET {parts.scheme}://{host}{parts.path}{'?' if query else ''}{query}"


@contextmanager
def mapped_errors(feed: Feed) -> Iterator[None]:
    """Errors of requests are raised as errors of this project, with what was asked."""
    assert isinstance(feed.origin, RestSource)
    assert isinstance(feed.declaration, RestDataset)
    what = feed.declaration.path
    try:
        yield
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        question = _question(feed.declaration, error)
        if status == 429 or status >= 500:
            remedy = f"It was asked {feed.origin.attempts} times; run again later.{question}"
            raise SourceUnavailableError(feed.source, f"{what} answers {status}", remedy) from error
        if status in (401, 403):
            remedy = "Check the token and its rights."
        elif status == 410:
            remedy = "What was asked for has expired; nothing was landed: run again."
        else:
            remedy = "Correct the declaration in sources.yml."
        raise TerminalError(f"source {feed.source}: {what} answers {status}", remedy + question) from error
    except requests.JSONDecodeError as error:
        raise SourceUnavailableError(
            feed.source, f"{what} does not answer with JSON", "Look at the API in a browser; run again later."
        ) from error
    except requests.RequestException as error:
        remedy = f"Check `base_url` and the network, then run again.{_question(feed.declaration, error)}"
        raise SourceUnavailableError(
            feed.source, f"{what} cannot be reached: {type(error).__name__}", remedy
        ) from error
    except ValueError as error:
        raise SourceUnavailableError(
            feed.source, f"{what} does not answer with whole JSON: {error}", "Run again later."
        ) from error


def _question(declared: RestDataset, error: requests.RequestException) -> str:
    return asked(declared, getattr(error.request, "url", None))
