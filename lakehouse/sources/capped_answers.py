"""Answers of an API, read up to a limit: a packed one of a megabyte can be gigabytes when it is unpacked."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter

from lakehouse.config.source_limits import AnswerLimits
from lakehouse.errors import TerminalError

_PART_BYTES = 64 << 10


class CappedAnswers(HTTPAdapter):
    """Reads the body of every answer, also of a redirect and of an error, and stops at the limit.

    Args:
        what: source and path, for the error.
        limits: of the endpoint.
    """

    def __init__(self, what: str, limits: AnswerLimits) -> None:
        super().__init__()
        self._what, self._limits = what, limits

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Ask, and read the answer. TerminalError for one that is longer than it may be."""
        response = super().send(request, *args, **options)
        longest = int(self._limits.answer_mb * (1 << 20))
        parts, size = [], 0
        for part in response.iter_content(_PART_BYTES):
            parts.append(part)
            size += len(part)
            if size > longest:
                response.close()
                raise TerminalError(
                    f"{self._what} answers with more than {self._limits.answer_mb:g} MB",
                    "Ask for smaller pages (`params`), or raise `limits.answer_mb` of the dataset in sources.yml.",
                )
        response._content = b"".join(parts)
        return response
