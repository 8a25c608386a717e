"""Profiles as they are answered: put together from the stores that answer, and where they come from."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from lakehouse.profiles.fields import Field, live, merged
from lakehouse.profiles.loads import ALIAS, GONE, LOAD_KEY, PROFILE, REFUSED, Load, field_name
from lakehouse.profiles.signals import signals_of
from lakehouse.profiles.store import ProfileStore, StoreUnavailableError


@dataclass(frozen=True)
class Profile:
    """What is known of a customer at a moment.

    Attributes:
        content: customer_id, status, reason, profile (of the batch side; None before its first load), signals, as_of.
        as_of: time of the newest thing that it knows.
        source: the stores that answered, e.g. "redis+sqlite".
        missing: the stores that did not.
    """

    content: dict[str, Any]
    as_of: datetime
    source: str
    missing: tuple[str, ...] = ()

    @property
    def etag(self) -> str:
        """Changes when the content does; weak, because age and source are not part of it."""
        return f'W/"{hashlib.sha256(msgspec.json.encode(self.content, order="sorted")).hexdigest()[:32]}"'


@dataclass(frozen=True)
class _Answers:
    """What the stores that answered know together."""

    fields: Mapping[str, Mapping[str, Field]]  # customer -> name -> field
    answered: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What the stores know of those that were asked for.

    Attributes:
        profiles: by the id or alias that was asked for.
        missing: stores that did not answer. They may know more of who is not in `profiles`; otherwise nobody does.
    """

    profiles: Mapping[str, Profile]
    missing: tuple[str, ...]


async def read_profiles(stores: Sequence[ProfileStore], asked: Sequence[str], now: datetime) -> Found:
    """The profiles of customers, by id or alias.

    While a store does not answer, customers without a loaded profile are left out: that store may know that they must
    not be written to.

    Raises:
        StoreUnavailableError: no store answers.
    """
    first = await _read(stores, [LOAD_KEY, *dict.fromkeys(asked)], now)
    generation = Load.of(first.fields.get(LOAD_KEY, {})).generation
    alias = field_name(ALIAS, generation)
    ids = {name: first.fields[name][alias].value for name in asked if alias in first.fields.get(name, {})}
    second = await _read(stores, sorted({*ids.values()} - set(asked)), now) if ids else first
    fields = {**second.fields, **first.fields}
    missing = tuple(sorted({*first.missing, *second.missing}))
    profiles: dict[str, Profile] = {}
    for name in dict.fromkeys(name for name in asked if name != LOAD_KEY):  # that is nobody
        customer_id = ids.get(name, name)
        refused = {REFUSED: fields[name][REFUSED]} if REFUSED in fields.get(name, {}) else {}
        content = _content(customer_id, {**refused, **fields.get(customer_id, {})}, generation, now)
        if content is not None and not (missing and content["status"] == "new"):
            as_of = datetime.fromisoformat(content["as_of"])
            profiles[name] = Profile(content, as_of, "+".join(first.answered), missing)
    return Found(profiles, missing)


async def _read(stores: Sequence[ProfileStore], keys: Sequence[str], now: datetime) -> _Answers:
    answers = await asyncio.gather(*(store.read(keys) for store in stores), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, StoreUnavailableError):
            raise answer
    parts = [answer for answer in answers if not isinstance(answer, BaseException)]
    if not parts:
        raise next(answer for answer in answers if isinstance(answer, BaseException))
    by_customer: dict[str, list[Field]] = {}
    for part in parts:
        for field in part:
            by_customer.setdefault(field.customer_id, []).append(field)
    named = list(zip(stores, answers, strict=True))
    return _Answers(
        {customer_id: live(merged(fields), now) for customer_id, fields in by_customer.items()},
        tuple(store.name for store, answer in named if not isinstance(answer, BaseException)),
        tuple(store.name for store, answer in named if isinstance(answer, BaseException)),
    )


def _content(customer_id: str, fields: Mapping[str, Field], generation: int, now: datetime) -> dict[str, Any] | None:
    """What is answered of a customer; None when there are only fields of other loads."""
    profile, gone = fields.get(field_name(PROFILE, generation)), fields.get(GONE)
    signals = [field for name, field in fields.items() if "#" not in name and name not in (GONE, REFUSED)]
    if gone is not None and (profile is None or gone.version > profile.version):
        status, reason, facts, counted = "erased", None, None, [gone]
    elif (refused := fields.get(REFUSED)) is not None:
        status, reason, facts, counted = "suppressed", refused.value, None, [refused]
    elif profile is not None and profile.value["status"] != "active":
        status, reason, facts, counted = "suppressed", profile.value["reason"], None, [profile]
    elif profile is not None:
        facts = {name: value for name, value in profile.value.items() if name != "status"}
        status, reason, counted = "active", None, [profile, *signals]
    else:
        status, reason, facts, counted = "new", None, None, signals
    if not counted:
        return None
    as_of = datetime.fromtimestamp(max(field.version.at for field in counted) / 1e6, UTC)
    return {
        "customer_id": customer_id,
        "status": status,
        "reason": reason,
        "profile": facts,
        "signals": signals_of(fields, now) if status in ("active", "new") else {},
        "as_of": as_of.isoformat(timespec="milliseconds"),
    }
