"""SendGrid's custom fields: by id, and made when they are needed for the first time.

https://www.twilio.com/docs/sendgrid/api-reference/custom-fields/create-custom-field-definition
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.activation.destinations.platform import Call, Caller, CallRefusedError, UnreadableAnswerError
from lakehouse.utils.canonical_json import json_text

_DEFINITIONS = "/v3/marketing/field_definitions"


class CustomFields:
    """The custom fields of an account, as far as they are known."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}  # name in lower case -> id
        self._alone = asyncio.Lock()

    async def ids(self, rows: Sequence[Mapping[str, Any]], call: Caller) -> Mapping[str, str]:
        """Name -> id of the fields of some contacts; what is missing is made: Number for numbers, else Text.

        Raises CallRefusedError when a field cannot be made.
        """
        kinds = {name: _kind(value) for row in rows for name, value in row.items()}
        async with self._alone:
            if any(name.lower() not in self._ids for name in kinds):
                await self._read(call)
            for name in kinds:
                if name.lower() not in self._ids:
                    await self._make(name, kinds[name], call)
        return {name: self._ids[name.lower()] for name in kinds}

    async def _read(self, call: Caller) -> None:
        answer = await call(Call("GET", _DEFINITIONS, "others"))
        if not answer.is_success:
            raise UnreadableAnswerError(f"custom fields cannot be read (HTTP {answer.status})")
        self._ids = {field["name"].lower(): str(field["id"]) for field in answer.json().get("custom_fields") or []}

    async def _make(self, name: str, kind: str, call: Caller) -> None:
        wanted = json_text({"name": name, "field_type": kind}).encode()
        answer = await call(Call("POST", _DEFINITIONS, "others", wanted, is_about_people=False))
        if answer.is_success:
            self._ids[name.lower()] = str(answer.json()["id"])
            return
        await self._read(call)  # somebody else, or an attempt without an answer, may have made it
        if name.lower() not in self._ids:
            raise CallRefusedError(f"the custom field {name} cannot be made (HTTP {answer.status})", is_permanent=False)


def _kind(value: Any) -> str:
    return "Number" if isinstance(value, int | float) else "Text"
