"""An answer in time for everybody: from the stores, else the last good one, else the declared fallback."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lakehouse.profiles.reading import Found, Profile, read_profiles
from lakehouse.profiles.store import ProfileStore, StoreUnavailableError

CACHE, FALLBACK = "cache", "fallback"
_KEPT = timedelta(days=1)
_MOST = 50_000


@dataclass(frozen=True)
class Answer:
    """What is answered of somebody who was asked for.

    Attributes:
        content: as of a profile.
        source: stores that answered, or "cache", or "fallback".
        missing: stores that did not answer in time.
        as_of: time of the newest thing that it knows; None for the fallback.
        etag: changes when the content does; empty for the fallback.
    """

    content: Mapping[str, Any]
    source: str
    missing: tuple[str, ...]
    as_of: datetime | None
    etag: str

    def body(self, now: datetime) -> dict[str, Any]:
        """As JSON."""
        staleness = None if self.as_of is None else round(max((now - self.as_of).total_seconds(), 0.0), 3)
        own = {"staleness_seconds": staleness, "source": self.source, "missing": list(self.missing)}
        return {**self.content, **own}


class ProfileReader:
    """Reads profiles within a deadline, and remembers the last good ones.

    Args:
        stores: where profiles are.
        fallback: the profile of whom nothing can be read.
    """

    def __init__(self, stores: Sequence[ProfileStore], fallback: Mapping[str, Any]) -> None:
        self._stores, self._fallback = stores, dict(fallback)
        self._given_up: set[asyncio.Future[Found]] = set()
        self._good: OrderedDict[str, tuple[datetime, Profile]] = OrderedDict()

    async def answers(self, asked: Sequence[str], seconds: float, now: datetime) -> dict[str, Answer]:
        """An answer for each that was asked for; those that no store knows are absent. It raises nothing, and takes
        hardly longer than these seconds."""
        found = await self._found(asked, seconds, now)
        answered: dict[str, Answer] = {}
        for name in dict.fromkeys(asked):
            profile = found.profiles.get(name)
            if profile is not None:
                self._remember(name, profile, now)
                answered[name] = Answer(profile.content, profile.source, profile.missing, profile.as_of, profile.etag)
            elif found.missing:
                answered[name] = self._last_good(name, found.missing, now)
            else:
                self._good.pop(name, None)
        return answered

    async def close(self) -> None:
        """Close the stores."""
        for store in self._stores:
            await store.close()

    async def _found(self, asked: Sequence[str], seconds: float, now: datetime) -> Found:
        """What the stores know, or that all of them are missing."""
        reading = asyncio.ensure_future(read_profiles(self._stores, asked, now))
        await asyncio.wait({reading}, timeout=seconds)
        if reading.done():
            try:
                return reading.result()
            except StoreUnavailableError:
                pass
        else:  # it is not waited for: a client may take seconds to give up on a server that does not answer
            reading.cancel()
            self._given_up.add(reading)
            reading.add_done_callback(self._forget)
        return Found({}, tuple(store.name for store in self._stores))

    def _forget(self, reading: asyncio.Future[Found]) -> None:
        self._given_up.discard(reading)
        if not reading.cancelled():
            reading.exception()  # or asyncio would log that nobody has looked at it

    def _remember(self, name: str, profile: Profile, now: datetime) -> None:
        self._good[name] = now, profile
        self._good.move_to_end(name)
        if len(self._good) > _MOST:
            self._good.popitem(last=False)

    def _last_good(self, name: str, missing: tuple[str, ...], now: datetime) -> Answer:
        at, profile = self._good.get(name, (now, None))
        if profile is not None and now - at <= _KEPT:
            return Answer(profile.content, CACHE, missing, profile.as_of, profile.etag)
        content = {
            "customer_id": name,
            "status": FALLBACK,
            "reason": None,
            "profile": self._fallback,
            "signals": {},
            "as_of": None,
        }
        return Answer(content, FALLBACK, missing, None, "")
