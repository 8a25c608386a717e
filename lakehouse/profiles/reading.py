"""A profile as it is answered: put together from the stores that answer, and where it comes from."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from lakehouse.profiles.fields import Fields, live, merged
from lakehouse.profiles.signals import signals_of
from lakehouse.profiles.store import ProfileStore, StoreUnavailableError

PROFILE = "profile"  # the field that the batch side writes


@dataclass(frozen=True)
class Profile:
    """What is known of a customer at a moment.

    Attributes:
        content: customer_id, profile (of the batch side; None before its first load), signals, as_of.
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


async def read_profile(stores: Sequence[ProfileStore], customer_id: str, now: datetime) -> Profile | None:
    """The profile of a customer; None when no store knows the customer.

    Raises:
        StoreUnavailableError: no store answers, or one does not and the others do not know the customer.
    """
    answers = await asyncio.gather(*(store.read(customer_id) for store in stores), return_exceptions=True)
    failed = [answer for answer in answers if isinstance(answer, BaseException)]
    for error in failed:
        if not isinstance(error, StoreUnavailableError):
            raise error
    fields = live(merged(*(answer for answer in answers if not isinstance(answer, BaseException))), now)
    if not fields:
        if failed:
            raise failed[0]
        return None
    named = list(zip(stores, answers, strict=True))
    answered = [store.name for store, answer in named if not isinstance(answer, BaseException)]
    missing = tuple(store.name for store, answer in named if isinstance(answer, BaseException))
    as_of = datetime.fromtimestamp(max(field.version.at for field in fields.values()) / 1e6, UTC)
    return Profile(_content(customer_id, fields, as_of, now), as_of, "+".join(answered), missing)


def _content(customer_id: str, fields: Fields, as_of: datetime, now: datetime) -> dict[str, Any]:
    profile = fields.get(PROFILE)
    return {
        "customer_id": customer_id,
        "profile": profile.value if profile else None,
        "signals": signals_of(fields, now),
        "as_of": as_of.isoformat(timespec="milliseconds"),
    }
