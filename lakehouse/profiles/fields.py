"""A profile is made of fields, and each field has one rule: the greater version wins, whoever writes it and in whatever
order. So batch and stream commute, a write that comes twice counts once, and nothing goes back in time.

A field as bytes begins with its version, most significant byte first: comparing two such texts byte by byte is the
rule, and every store can do that by itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

_HEAD = struct.Struct(">QQQQ")


class Version(NamedTuple):
    """When a value counts.

    Attributes:
        epoch: of the rebuild that made it; a later rebuild may correct history. The stream writes in the epoch 0.
        at: event time, microseconds since 1970; of a value that sums up events, when the newest of them was received.
        events: how many events it sums up, where times are equal.
    """

    epoch: int
    at: int
    events: int = 0


@dataclass(frozen=True)
class Field:
    """A named value of a customer, which JSON can hold; `expires_at` in microseconds since 1970, 0 = never."""

    customer_id: str
    name: str
    version: Version
    value: Any
    expires_at: int = 0

    def encoded(self) -> bytes:
        """Version, expiry and value; the greater of two is the newer one."""
        return _HEAD.pack(*self.version, self.expires_at) + msgspec.msgpack.encode(self.value, order="deterministic")

    @classmethod
    def decoded(cls, customer_id: str, name: str, encoded: bytes) -> Field:
        """The field that was encoded."""
        epoch, at, events, expires_at = _HEAD.unpack_from(encoded)
        value = msgspec.msgpack.decode(memoryview(encoded)[_HEAD.size :])
        return cls(customer_id, name, Version(epoch, at, events), value, expires_at)


Fields = Mapping[str, Field]


def merged(*found: Iterable[Field]) -> dict[str, Field]:
    """The fields of one customer from several stores, by name."""
    newest: dict[str, Field] = {}
    for field in (field for fields in found for field in fields):
        known = newest.get(field.name)
        if known is None or field.encoded() > known.encoded():
            newest[field.name] = field
    return newest


def live(fields: Fields, now: datetime) -> dict[str, Field]:
    """The fields that have not expired."""
    at = microseconds(now)
    return {name: field for name, field in fields.items() if not field.expires_at or field.expires_at > at}


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - _START) // _MICROSECOND


_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = datetime.resolution
