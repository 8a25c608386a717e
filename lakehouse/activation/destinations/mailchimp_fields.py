"""Mailchimp's merge fields: by tag, and made when they are needed for the first time.

https://mailchimp.com/developer/marketing/api/list-merges/
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from lakehouse.activation.destinations.platform import Call, Caller, CallRefusedError, UnreadableAnswerError
from lakehouse.utils.canonical_json import json_text

_KNOWN = {"first_name": "FNAME", "last_name": "LNAME"}  # every list has these
_LONGEST = 10  # characters of a tag
_PER_PAGE = 1000


@cache
def tag_of(name: str) -> str:
    """The tag of a field: its name in capitals; of a longer one its beginning and four characters of a hash."""
    tag = _KNOWN.get(name, name.upper())
    if len(tag) <= _LONGEST:
        return tag
    return f"{tag[:5]}_{hashlib.sha256(name.encode()).hexdigest()[:4].upper()}"


class MergeFields:
    """The merge fields of a list, as far as they are known."""

    def __init__(self, list_path: str) -> None:
        self._path = f"{list_path}/merge-fields"
        self._tags: set[str] = set()
        self._alone = asyncio.Lock()

    async def ensure(self, rows: Sequence[Mapping[str, Any]], call: Caller) -> None:
        """Make the fields that some members need: number for numbers, else text. One that nobody has a value for waits.

        Raises CallRefusedError when a field cannot be made.
        """
        values = {name: value for row in rows for name, value in row.items() if value is not None}
        wanted = {tag_of(name): (name, value) for name, value in values.items()}
        async with self._alone:
            if not wanted.keys() <= self._tags:
                await self._read(call)
            for tag in sorted(wanted.keys() - self._tags):
                await self._make(tag, *wanted[tag], call)

    async def _read(self, call: Caller) -> None:
        answer = await call(Call("GET", f"{self._path}?count={_PER_PAGE}", "lists"))
        if not answer.is_success:
            raise UnreadableAnswerError(f"merge fields cannot be read (HTTP {answer.status}); check `list`")
        self._tags = {str(field["tag"]) for field in answer.json()["merge_fields"]}

    async def _make(self, tag: str, name: str, value: Any, call: Caller) -> None:
        kind = "number" if isinstance(value, int | float) and not isinstance(value, bool) else "text"
        wanted = json_text({"tag": tag, "name": name, "type": kind}).encode()
        answer = await call(Call("POST", self._path, "lists", wanted, is_about_people=False))
        if not answer.is_success:
            await self._read(call)  # somebody else, or an attempt without an answer, may have made it
            if tag not in self._tags:
                said = f"the merge field {tag} ({name}) cannot be made (HTTP {answer.status})"
                raise CallRefusedError(said, is_permanent=False)
        self._tags.add(tag)
