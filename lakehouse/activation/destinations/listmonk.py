"""listmonk: subscribers by CSV imports, known by their address; the audience is an attribute of theirs.

https://listmonk.app/docs/apis/import/. One import is at work at a time, anybody's; rows that it skips are in its log
only. It replaces the attributes of a subscriber as a whole, so those there are read first and sent with it. An import
of people who are there names no list, so that it touches no subscription in any version, whatever it overwrites; who is
new is put into the account's list as unconfirmed, by an import that overwrites nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from lakehouse.activation.destinations.capabilities import Capabilities
from lakehouse.activation.destinations.destination import Rejection
from lakehouse.activation.destinations.listmonk_import import import_file, reasons_in
from lakehouse.activation.destinations.listmonk_people import is_as_sent, lookups, merged
from lakehouse.activation.destinations.platform import (
    Call,
    Caller,
    CallRefusedError,
    Item,
    Outcomes,
    Row,
    UnreadableAnswerError,
    platform_reason,
)
from lakehouse.activation.destinations.platform_kind import Audience, Login, PlatformKind, basic_login
from lakehouse.activation.destinations.rates import Rate
from lakehouse.errors import TerminalError
from lakehouse.utils.pauses import growing_pauses
from lakehouse.utils.plain_json import parsed_json, plain_json

CAPABILITIES = Capabilities(
    identity="email",
    rows_per_call=10_000,  # it commits so many together
    bytes_per_call=20_000_000,
    bytes_per_row=100_000,
    overhead_bytes=1_000,
    rates={"api": (Rate(50, 1),)},  # it has none
    calls_per_body={"api": 3},  # who is there, the import, how it ended
    connections=1,
    readiness="job",
    is_replay_safe=True,
    nulls=("unset", "omit"),
    keeps_other_fields=False,  # it replaces all of them
)
_IMPORT = "/api/import/subscribers"
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 10.0  # seconds between two questions about an import
_SKIPPED = Rejection("listmonk skipped the row", is_permanent=False)  # its log does not say why
_GRANULAR = 6  # since this version, what is overwritten can be chosen


class Listmonk:
    """One campaign's subscribers."""

    capabilities = CAPABILITIES

    def __init__(self, audience: Audience) -> None:
        """Raises TerminalError when the account's list is not a number."""
        if not (audience.list or "").isdecimal():
            raise TerminalError(
                f"{audience.list!r} is not a list of listmonk",
                "Set `list` of the account in conf/destinations.yml to the list's number, as its address in listmonk"
                " shows it.",
            )
        self._marker = audience.marker
        self._list = int(audience.list or "")
        self._has_granular: bool | None = None

    def encode(self, row: Row) -> bytes:
        """The row's own attributes; those that others wrote are added when it is sent."""
        return plain_json({"email": row.email, "attributes": {**row.attributes, self._marker: not row.is_removal}})

    async def deliver(self, items: Sequence[Item], call: Caller) -> Outcomes:
        """An import of those who are there and, if nobody is removed, one of those who are not."""
        rows = [parsed_json(item.body) for item in items]
        there = await self._people(rows, call)
        known = [merged(row, there[row["email"].lower()]) for row in rows if row["email"].lower() in there]
        new = [merged(row, {}) for row in rows if row["email"].lower() not in there]
        if self._has_granular is None:
            self._has_granular = await _has_granular_overwrite(call)
        overwrite = "overwrite_userinfo" if self._has_granular else "overwrite"
        refused: dict[str, Rejection] = {}
        if known:
            refused |= await self._import(known, {"lists": [], overwrite: True}, call)
        if new and not items[0].row.is_removal:
            refused |= await self._import(new, {"lists": [self._list]}, call)
        places = {item.row.email.lower(): at for at, item in enumerate(items)}
        return Outcomes("", {places[email]: rejection for email, rejection in refused.items()})

    async def _import(
        self, rows: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any], call: Caller
    ) -> dict[str, Rejection]:
        """Address -> reason of the rows that an import did not take."""
        name = f"{uuid4()}.csv"
        how = {"mode": "subscribe", "subscription_status": "unconfirmed", "delim": ",", **parameters}
        content, kind = import_file(name, rows, how)
        await _begin(Call("POST", _IMPORT, "api", content, {"Content-Type": kind}), call)
        told = await _ended(name, call)
        if told.get("name") == name and told["status"] == "finished" and told["imported"] == len(rows):
            return {}
        log = (await _read(f"{_IMPORT}/logs", call)) if told.get("name") == name else ""
        if told.get("name") == name and told["status"] == "failed":
            raise CallRefusedError(platform_reason(None, _last_error(log)))
        there = await self._people(rows, call)
        missing = [row["email"].lower() for row in rows if not is_as_sent(row, there.get(row["email"].lower()))]
        reasons = reasons_in(log, missing)
        return {
            email: Rejection(platform_reason(None, reasons[email])) if email in reasons else _SKIPPED
            for email in missing
        }

    async def _people(self, rows: Sequence[Mapping[str, Any]], call: Caller) -> dict[str, Mapping[str, Any]]:
        """Subscribers with the rows' addresses, by address."""
        found: dict[str, Mapping[str, Any]] = {}
        for path in lookups([row["email"] for row in rows]):
            found |= {person["email"].lower(): person for person in (await _read(path, call))["results"] or []}
        return found

    async def is_usable(self, row: Row, call: Caller) -> bool:
        """Whether the subscriber has the campaign's marker as it was sent; one who is not there needs no removal."""
        if not row.email:
            return True
        found = (await self._people([{"email": row.email}], call)).get(row.email.lower())
        if found is None:
            return row.is_removal
        return (found.get("attribs") or {}).get(self._marker) is (not row.is_removal)


async def _begin(start: Call, call: Caller) -> None:
    """Start an import, as soon as nobody else's is at work."""
    async for _ in growing_pauses(_FIRST_WAIT, _LONGEST_WAIT):
        answer = await call(start)
        if answer.is_success:
            return
        said = str(answer.json().get("message"))
        if "already running" not in said and (await _read(_IMPORT, call))["status"] not in ("importing", "stopping"):
            raise CallRefusedError(platform_reason(None, said))


async def _ended(name: str, call: Caller) -> Mapping[str, Any]:
    """What listmonk says of an import that has ended, or of somebody else's that has begun since."""
    async for _ in growing_pauses(_FIRST_WAIT, _LONGEST_WAIT):
        told: Mapping[str, Any] = await _read(_IMPORT, call)
        if told["name"] != name or told["status"] not in ("importing", "stopping"):
            return told
    raise AssertionError("pauses have no end")


async def _has_granular_overwrite(call: Caller) -> bool:
    """Whether this listmonk knows `overwrite_userinfo`; before, `overwrite` meant subscriptions as well."""
    major = str((await _read("/api/config", call)).get("version")).lstrip("v").split(".")[0]
    return major.isdecimal() and int(major) >= _GRANULAR


async def _read(path: str, call: Caller) -> Any:
    answer = await call(Call("GET", path, "api"))
    if not answer.is_success:
        raise UnreadableAnswerError(f"{path.partition('?')[0]} cannot be read (HTTP {answer.status})")
    return answer.json()["data"]


def _last_error(log: str) -> str:
    """What the log says of a failed import, without the time before it."""
    lines = [line for line in log.splitlines() if "error" in line]
    return lines[-1].partition(": ")[2] if lines else "the import failed"


def _headers(login: Login) -> Mapping[str, str]:
    return {"Authorization": basic_login(login.user, login.secret)}


KIND = PlatformKind("", ("base_url", "user", "list"), CAPABILITIES, _headers, Listmonk)
