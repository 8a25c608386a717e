"""Profiles in Redis (7.4 or later) or Valkey (9 or later): a hash per customer, a field of it per field."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import redis
import redis.asyncio
from redis.backoff import NoBackoff

from lakehouse.profiles.fields import Field
from lakehouse.profiles.loads import lost_profile, outdated
from lakehouse.profiles.store import StoreUnavailableError

_READ_SECONDS = 0.25
_WRITE_SECONDS = 5.0
_PREFIX = "profile:"
_SCANNED = 2_000
_AT_ONCE = 100  # fields that one call writes: readers wait for half a millisecond at most
# For each key: name, value and expiry (milliseconds, 0 = never) of a field. Not `<`, which compares by the server's
# locale. A call is for many fields: it costs more than the write of one.
_WRITE = """
local function is_greater(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x > y end
  end
  return #a > #b
end
for i = 1, #KEYS do
  local key, name, value, expiry = KEYS[i], ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  local is_newest = redis.call('HSETNX', key, name, value) == 1
  if not is_newest and is_greater(value, redis.call('HGET', key, name)) then
    redis.call('HSET', key, name, value)
    is_newest = true
  end
  if is_newest and expiry ~= '0' then redis.call('HPEXPIREAT', key, expiry, 'FIELDS', 1, name) end
end
"""
_DIGEST = hashlib.sha1(_WRITE.encode(), usedforsecurity=False).hexdigest().encode()


class RedisStore:
    """A profile store in Redis.

    Args:
        url: `redis://` or `rediss://`, with its password.
    """

    name = "redis"

    def __init__(self, url: str) -> None:
        self._url = url

    def write(self, fields: Sequence[Field]) -> None:
        """As in ProfileStore."""
        if not fields:
            return
        pool = self._writer.connection_pool
        try:
            connection: Any = pool.get_connection()
        except redis.RedisError as error:
            raise _unavailable(error) from None
        try:
            # One call is packed while the server works on those before; a pipeline would send all of them at the end.
            connection.send_command("SCRIPT", "LOAD", _WRITE)
            connection.read_response()
            count = 0
            for call in _calls(fields):
                connection.send_packed_command([call])
                count += 1
            for _ in range(count):
                connection.read_response()
        except redis.RedisError as error:
            connection.disconnect()  # answers that were not read must not be taken for those of the next command
            raise _unavailable(error) from None
        finally:
            pool.release(connection)

    async def read(self, customer_ids: Sequence[str]) -> list[Field]:
        """As in ProfileStore."""
        try:
            pipeline = self._reader.pipeline(transaction=True)
            for customer_id in customer_ids:
                pipeline.hgetall(_PREFIX + customer_id)
            answers: list[dict[bytes, bytes]] = await pipeline.execute()
        except redis.RedisError as error:
            raise _unavailable(error) from None
        return [
            Field.decoded(customer_id, name.decode(), encoded)
            for customer_id, found in zip(customer_ids, answers, strict=True)
            for name, encoded in found.items()
        ]

    def delete(self, customer_ids: Sequence[str]) -> None:
        """As in ProfileStore."""
        try:
            if customer_ids:
                self._writer.unlink(*(_PREFIX + customer_id for customer_id in customer_ids))
        except redis.RedisError as error:
            raise _unavailable(error) from None

    def gone_since(self, generation: int) -> list[str]:
        """As in ProfileStore."""
        return [customer_id for customer_id, names in self._loaded() if lost_profile(names, generation)]

    def sweep(self, generation: int) -> None:
        """As in ProfileStore."""
        try:
            pipeline = self._writer.pipeline(transaction=False)
            for customer_id, names in self._loaded():
                if old := outdated(names, generation):
                    pipeline.hdel(_PREFIX + customer_id, *old)
                if len(pipeline.command_stack) >= _SCANNED:
                    pipeline.execute()
            pipeline.execute()
        except redis.RedisError as error:
            raise _unavailable(error) from None

    def _loaded(self) -> Iterator[tuple[str, list[str]]]:
        """Every customer with the names of the fields that loads wrote."""
        try:
            cursor = 0
            while True:
                cursor, found = self._writer.scan(cursor, match=_PREFIX + "*", count=_SCANNED)
                keys = [key for key in found if isinstance(key, bytes)]
                pipeline = self._writer.pipeline(transaction=False)
                for key in keys:
                    pipeline.hkeys(key)
                for key, names in zip(keys, pipeline.execute(), strict=True):
                    loaded = [name.decode() for name in names if b"#" in name]
                    if loaded:
                        yield key.decode().removeprefix(_PREFIX), loaded
                if cursor == 0:
                    return
        except redis.RedisError as error:
            raise _unavailable(error) from None

    async def close(self) -> None:
        """As in ProfileStore."""
        await self._reader.aclose()

    @cached_property
    def _writer(self) -> redis.Redis:
        return redis.Redis.from_url(self._url, socket_timeout=_WRITE_SECONDS, socket_connect_timeout=_WRITE_SECONDS)

    @cached_property
    def _reader(self) -> redis.asyncio.Redis:
        return redis.asyncio.Redis.from_url(
            self._url,
            socket_timeout=_READ_SECONDS,
            socket_connect_timeout=_READ_SECONDS,
            retry=redis.asyncio.retry.Retry(NoBackoff(), 1),
        )


def _calls(fields: Sequence[Field]) -> Iterator[bytes]:
    """The calls of the script that write these fields, in the protocol of Redis."""
    for start in range(0, len(fields), _AT_ONCE):
        part = fields[start : start + _AT_ONCE]
        words = [b"EVALSHA", _DIGEST, b"%d" % len(part)]
        words += [(_PREFIX + field.customer_id).encode() for field in part]
        for field in part:
            words += (field.name.encode(), field.encoded(), b"%d" % (field.expires_at // 1000))
        yield b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])


def _unavailable(error: redis.RedisError) -> StoreUnavailableError:
    return StoreUnavailableError(RedisStore.name, type(error).__name__)
