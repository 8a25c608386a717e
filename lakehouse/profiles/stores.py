"""The stores of this installation: the durable one, and Redis as the hot one in front of it when there is a Redis."""

from __future__ import annotations

from lakehouse.config.settings import Settings
from lakehouse.errors import ConfigurationError
from lakehouse.profiles.redis_access import redis_url
from lakehouse.profiles.redis_store import RedisStore
from lakehouse.profiles.sqlite_store import SqliteStore
from lakehouse.profiles.store import ProfileStore


def hot_store(chosen: Settings) -> ProfileStore:
    """Where the stream writes signals: Redis, or the durable store where there is none or where it is a Redis."""
    url = "" if _kind(chosen.profile_store_url) == "redis" else redis_url(chosen)
    return RedisStore(url) if url else durable_store(chosen)


def durable_store(chosen: Settings) -> ProfileStore:
    """Where profiles of the batch side are: the store of LAKEHOUSE_PROFILE_STORE_URL, else SQLite in the home.

    Raises:
        ConfigurationError: no such store, or its libraries are not installed.
    """
    url = chosen.profile_store_url
    match _kind(url):
        case "":
            return SqliteStore(chosen.home / "profiles" / "profiles.sqlite")
        case "redis":
            return RedisStore(url)
        case "postgresql":
            from lakehouse.profiles.postgresql_store import PostgresqlStore

            return PostgresqlStore(url)
        case "dynamodb":
            return _dynamodb(url)
    expected = "postgresql://..., dynamodb://<table>?region=<region>, redis://... or rediss://...; empty for SQLite"
    raise ConfigurationError("LAKEHOUSE_PROFILE_STORE_URL", None, "there is no such kind of profile store", expected)


def stores_to_read(chosen: Settings) -> list[ProfileStore]:
    """The stores of which a profile is put together."""
    hot, durable = hot_store(chosen), durable_store(chosen)
    return [durable] if hot.name == durable.name else [hot, durable]


def stores_to_sync(chosen: Settings) -> list[ProfileStore]:
    """The store that profiles are loaded into, then the others, which only forget who is gone."""
    return stores_to_read(chosen)[::-1]


def _kind(url: str) -> str:
    scheme = url.partition("://")[0]
    return {"rediss": "redis", "postgres": "postgresql"}.get(scheme, scheme)


def _dynamodb(url: str) -> ProfileStore:
    try:
        from lakehouse.profiles.dynamodb_store import DynamodbStore
    except ModuleNotFoundError:
        problem, expected = "boto3 is not installed", "the extra `dynamodb`: pip install 'mail-lakehouse[dynamodb]'"
        raise ConfigurationError("LAKEHOUSE_PROFILE_STORE_URL", None, problem, expected) from None
    return DynamodbStore(url)
