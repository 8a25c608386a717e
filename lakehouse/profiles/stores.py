"""The stores of this installation: the durable one, and Redis as the hot one in front of it when there is a Redis."""

from __future__ import annotations

from lakehouse.config.settings import Settings
from lakehouse.profiles.redis_access import redis_url
from lakehouse.profiles.redis_store import RedisStore
from lakehouse.profiles.sqlite_store import SqliteStore
from lakehouse.profiles.store import ProfileStore


def hot_store(chosen: Settings) -> ProfileStore:
    """Where the stream writes signals: Redis, or the durable store where there is none."""
    url = redis_url(chosen)
    return RedisStore(url) if url else durable_store(chosen)


def durable_store(chosen: Settings) -> ProfileStore:
    """Where profiles of the batch side are: SQLite in the home."""
    return SqliteStore(chosen.home / "profiles" / "profiles.sqlite")


def stores_to_read(chosen: Settings) -> list[ProfileStore]:
    """The stores of which a profile is put together."""
    hot, durable = hot_store(chosen), durable_store(chosen)
    return [durable] if hot.name == durable.name else [hot, durable]


def stores_to_sync(chosen: Settings) -> list[ProfileStore]:
    """The store that profiles are loaded into, then the others, which only forget who is gone."""
    return stores_to_read(chosen)[::-1]
