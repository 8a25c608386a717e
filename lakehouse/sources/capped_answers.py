"""Answers of an API, read up to a limit: a packed one of a megabyte can be gigabytes when it is unpacked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from lakehouse.config.source_limits import AnswerLimits
from lakehouse.errors import TerminalError


class CappedAnswers(HTTPAdapter):
    """Reads the body of every answer, also of a redirect and of an error, and stops at the limit.

    Args:
        what: source and path, for the error.
        limits: of the endpoint.
    """

    def __init__(self, what: str, limits: AnswerLimits) -> None:
        super().__init__()
        self._what, self._limits = what, limits

    def send(self, *args: Any, **options: Any) -> requests.Response:
        """Ask, and read the answer. TerminalError for one that is longer than it may be."""
        response = super().send(*args, **options)
        response.content  # noqa: B018 - it is read, and kept, when it is asked for
        return response

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """The answer, whose body is counted while it is unpacked."""
        response = super().build_response(req, resp)
        response.raw = _Counted(resp, self._what, self._limits.answer_mb)
        return response


class _Counted:
    """An answer of urllib3 that ends with an error beyond so many megabytes."""

    def __init__(self, answer: Any, what: str, longest_mb: float) -> None:
        self._answer, self._what, self._longest_mb = answer, what, longest_mb

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answer, name)

    def stream(self, *args: Any, **options: Any) -> Iterator[bytes]:
        """Parts of the unpacked body."""
        size = 0
        for part in self._answer.stream(*args, **options):
            size += len(part)
            if size > self._longest_mb * (1 << 20):
                self._answer.close()
                raise TerminalError(
                    f"{self._what} answers with more than {self._longest_mb:g} MB",
                    "Ask for smaller pages (`params`), or raise `limits.answer_mb` of the dataset in sources.yml.",
                )
            yield part
