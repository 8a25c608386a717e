"""How an API is talked to: dlt's REST client, with retries, authentication, and the three ways in which pages follow
each other.

Requests go to the origin of the base URL only (scheme, host and port), whatever an answer says: a redirect, a link to
the next page or a cursor that leads elsewhere would carry the token there, and bring records that nobody declared.
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
from lakehouse.config.rest_models import ApiKey, Basic, Bearer, Cursor, LinkHeader, PageNumber, RestDataset
from lakehouse.config.source_limits import AnswerLimits
from lakehouse.config.source_models import RestSource
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
    home = base_url(feed.source, source)
    for scheme in ("http://", "https://"):
        retrying.session.mount(scheme, _OneOrigin(f"source {feed.source}: {declared.path}", declared.limits, home))
    return ApiClient(
        base_url=home,
        headers={name: value.resolve() for name, value in source.headers.items()},
        auth=_auth(source),
        paginator=_paginator(declared),
        data_selector=declared.records or ".",
        session=retrying.session,
        config=RuntimeConfiguration(dlthub_telemetry=False),
    )


class _OneOrigin(CappedAnswers):
    """Sends requests to one origin; TerminalError for any other, before anything is sent there."""

    def __init__(self, what: str, limits: AnswerLimits, home: str) -> None:
        super().__init__(what, limits)
        self._home = _origin(home)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send a request, the first one as well as those that an answer leads to."""
        asked_for = _origin(str(request.url))
        if asked_for != self._home:
            raise TerminalError(
                f"{self._what} leads to another address, {asked_for[0]}://{asked_for[1]}:{asked_for[2]}, by a redirect"
                " or a link to the next page; nothing was sent there, and nothing was landed",
                "If the API has moved, write its new address as `base_url` in sources.yml; if not, ask its owner.",
            )
        return super().send(request, *args, **options)


def _origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


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
            raise SourceUnavailableError(feed.source, f"{what} answers {status}", remedy) from None
        if status in (401, 403):
            remedy = "Check the token and its rights."
        elif status == 410:
            remedy = "What was asked for has expired; nothing was landed: run again."
        else:
            remedy = "Correct the declaration in sources.yml."
        raise TerminalError(f"source {feed.source}: {what} answers {status}", remedy + question) from None
    except requests.JSONDecodeError:
        raise SourceUnavailableError(
            feed.source, f"{what} does not answer with JSON", "Look at the API in a browser; run again later."
        ) from None
    except requests.RequestException as error:
        remedy = f"Check `base_url` and the network, then run again.{_question(feed.declaration, error)}"
        raise SourceUnavailableError(feed.source, f"{what} cannot be reached: {type(error).__name__}", remedy) from None
    except ValueError:
        raise SourceUnavailableError(
            feed.source, f"{what} does not answer with whole JSON", "Run again later."
        ) from None


def _question(declared: RestDataset, error: requests.RequestException) -> str:
    return asked(declared, getattr(error.request, "url", None))
