"""SendGrid: contacts of Marketing Campaigns by upsert jobs, known by their address.

https://www.twilio.com/docs/sendgrid/api-reference/contacts/add-or-update-a-contact. A job takes 30,000 contacts and
6 MB; it runs on its own, and says afterwards how many it did not take: who that is, is read back. Custom fields go by
id and must exist. A null is no value there ("cannot be null"), so the former one stays. Unsubscribes are global
suppressions, with endpoints of their own, none of which is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from lakehouse.activation.destinations.capabilities import Capabilities
from lakehouse.activation.destinations.destination import Rejection
from lakehouse.activation.destinations.platform import (
    Call,
    Caller,
    CallRefusedError,
    Item,
    Outcomes,
    Row,
    UnreadableAnswerError,
    as_text,
    platform_reason,
)
from lakehouse.activation.destinations.platform_kind import Audience, Login, PlatformKind
from lakehouse.activation.destinations.rates import Rate
from lakehouse.activation.destinations.sendgrid_fields import CustomFields
from lakehouse.utils.pauses import growing_pauses
from lakehouse.utils.plain_json import parsed_json, plain_json

CAPABILITIES = Capabilities(
    identity="email",
    rows_per_call=30_000,
    bytes_per_call=4_500_000,  # of 6 MB: ids of custom fields may be longer than their names
    bytes_per_row=100_000,
    overhead_bytes=20,
    rates={
        "upsert": (Rate(3, 2),),  # not documented; what accounts report
        "others": (Rate(10, 1),),  # of 600 a minute, which all of them share
    },
    calls_per_body={"upsert": 1, "others": 1},
    connections=4,
    readiness="job",
    is_replay_safe=True,
    nulls=("omit",),
    keeps_other_fields=True,
    wait_headers=("Retry-After", "X-RateLimit-Reset"),
)
# Attributes of a contact itself; all others are custom fields.
_OWN = frozenset(
    {"first_name", "last_name", "address_line_1", "address_line_2", "city", "state_province_region", "postal_code"}
    | {"country", "phone_number", "whatsapp", "line", "facebook", "unique_name"}
)
_CONTACTS = "/v3/marketing/contacts"
_LOOKED_UP = 100  # addresses of one search
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0  # seconds between two questions about a job
_LOOKS = 4  # until what a job wrote should be found
# It does not say why, so it may pass.
_NOT_TAKEN = Rejection(
    "SendGrid's import did not take the contact; its list of imports has a file with the reason", is_permanent=False
)


class SendGrid:
    """One campaign's contacts."""

    capabilities = CAPABILITIES

    def __init__(self, audience: Audience) -> None:
        self._marker = audience.marker
        self._fields = CustomFields()

    def encode(self, row: Row) -> bytes:
        """A contact, custom fields by name; a removal only takes back the marker of the audience."""
        present = {name: value for name, value in row.attributes.items() if value is not None}
        custom = {name: _custom(value) for name, value in present.items() if name not in _OWN}
        contact: dict[str, Any] = {name: as_text(value) for name, value in present.items() if name in _OWN}
        contact |= {"email": row.email, "custom_fields": {**custom, self._marker: _said(row)}}
        return plain_json(contact)

    async def deliver(self, items: Sequence[Item], call: Caller) -> Outcomes:
        """One job, until it has ended; a removal only of contacts that are there, as a job would create the others."""
        contacts = [parsed_json(item.body) for item in items]
        if items[0].row.is_removal:
            there = await _found(contacts, call)
            contacts = [contact for contact in contacts if contact["email"].lower() in there]
            if not contacts:
                return Outcomes("")
        ids = await self._fields.ids([contact["custom_fields"] for contact in contacts], call)
        body = plain_json({"contacts": [_by_id(contact, ids) for contact in contacts]})
        answer = await call(Call("PUT", _CONTACTS, "upsert", body))
        if not answer.is_success:
            error = (answer.json().get("errors") or [{}])[0]
            raise CallRefusedError(platform_reason(error.get("field"), error.get("message")))
        job = str(answer.json()["job_id"])
        failed = await _ended(job, call)
        refused = await _not_as_sent(contacts, failed, call) if failed else set()
        places = range(len(items))
        return Outcomes(job, {at: _NOT_TAKEN for at in places if items[at].row.email.lower() in refused})

    async def is_usable(self, row: Row, call: Caller) -> bool:
        """Whether the contact has the campaign's marker as it was sent; one who is not there needs no removal."""
        if not row.email:
            return True
        found = (await _found([{"email": row.email}], call)).get(row.email.lower())
        if found is None:
            return row.is_removal
        return bool(found["custom_fields"].get(self._marker) == _said(row))


async def _ended(job: str, call: Caller) -> int:
    """Number of contacts that the job did not take, once it has ended."""
    async for _ in growing_pauses(_FIRST_WAIT, _LONGEST_WAIT):
        answer = await call(Call("GET", f"{_CONTACTS}/imports/{quote(job, safe='')}", "others"))
        if not answer.is_success:
            raise UnreadableAnswerError(f"job {job} is not known (HTTP {answer.status})")
        told = answer.json()
        if told["status"] == "completed":
            return 0
        if told["status"] in ("errored", "failed"):
            return int((told.get("results") or {}).get("errored_count") or 1)
    raise AssertionError("pauses have no end")


async def _not_as_sent(contacts: Sequence[Mapping[str, Any]], failed: int, call: Caller) -> set[str]:
    """Addresses of contacts that are not as a job should have left them, which did not take `failed`.

    What a job wrote may be found a little later, so more than `failed` are looked for again.
    """
    missing, looks = list(contacts), 0
    async for _ in growing_pauses(_FIRST_WAIT, _LONGEST_WAIT):
        there = await _found(missing, call)
        missing = [contact for contact in missing if not _is_as_sent(contact, there.get(contact["email"].lower()))]
        looks += 1
        if len(missing) <= failed or looks == _LOOKS:
            break
    return {contact["email"].lower() for contact in missing}


async def _found(contacts: Sequence[Mapping[str, Any]], call: Caller) -> dict[str, Mapping[str, Any]]:
    """Those of the contacts that are there, as SendGrid shows them, by address in lower case."""
    there: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(contacts), _LOOKED_UP):
        emails = [contact["email"] for contact in contacts[start : start + _LOOKED_UP]]
        wanted = plain_json({"emails": emails})
        answer = await call(Call("POST", f"{_CONTACTS}/search/emails", "others", wanted, is_about_people=False))
        if answer.status == 404:  # none of them
            continue
        if not answer.is_success:
            raise UnreadableAnswerError(f"contacts cannot be read (HTTP {answer.status})")
        found = answer.json()["result"]
        there |= {email.lower(): told["contact"] for email, told in found.items() if told.get("contact")}
    return there


def _is_as_sent(contact: Mapping[str, Any], found: Mapping[str, Any] | None) -> bool:
    if found is None:
        return False
    own = {name: value for name, value in contact.items() if name in _OWN}
    custom = contact["custom_fields"]
    are_own = all(str(found.get(name) or "").strip() == value.strip() for name, value in own.items())
    return are_own and all(_same(value, (found.get("custom_fields") or {}).get(name)) for name, value in custom.items())


def _same(sent: Any, found: Any) -> bool:
    return sent == found or str(sent).strip() == str(found).strip()


def _by_id(contact: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    return {**contact, "custom_fields": {ids[name]: value for name, value in contact["custom_fields"].items()}}


def _said(row: Row) -> str:
    """The marker: SendGrid has no field that is true or false."""
    return "false" if row.is_removal else "true"


def _custom(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else as_text(value)


def _headers(login: Login) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {login.secret}", "Content-Type": "application/json"}


KIND = PlatformKind("https://api.sendgrid.com", (), CAPABILITIES, _headers, SendGrid)
