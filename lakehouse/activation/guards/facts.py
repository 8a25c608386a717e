"""What guards judge, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from lakehouse.activation.planning.plan import Counts
from lakehouse.activation.records.past_exports import PastExport


@dataclass(frozen=True)
class EmptyDelivery:
    """The newest delivery of a feed has no rows, and `before` ones had some, each of them."""

    source: str
    dataset: str
    file_name: str
    before: int


@dataclass(frozen=True)
class SendFacts:
    """What is known about an export before it sends anything.

    Attributes:
        there: number of customers at the destination.
        past: exports to it that had an audience, newest first.
        wiped: field -> number of customers at the destination who have a value of it there, and would lose it.
    """

    platform: str
    counts: Counts
    there: int
    past: Sequence[PastExport] = ()
    empty_deliveries: Sequence[EmptyDelivery] = ()
    wiped: Mapping[str, int] = field(default_factory=dict)


class Fired(BaseModel):
    """A guard that asks a person, and why, with figures and without personal data."""

    model_config = ConfigDict(frozen=True)

    guard: str
    sentence: str


def percent(part: float, whole: float) -> str:
    """A share for people."""
    return f"{100 * part / whole:.0f} %"
