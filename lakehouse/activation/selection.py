"""Who of an audience is to be on the platform, and with which payload: the control group and the stopped are taken
out."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lakehouse.activation.audience import Member
from lakehouse.activation.campaigns import Campaign
from lakehouse.activation.consent.firewall import Person, normal_address
from lakehouse.activation.holdout import is_held_out
from lakehouse.activation.payload import Payload, payload_of

_CHUNK = 10_000


class Stops(Protocol):
    """The firewall, as far as a selection needs it."""

    def reasons(self, people: Sequence[Person]) -> dict[str, str]: ...


@dataclass
class Selection:
    """Counts of everybody looked at, and the target: payload hash by customer. `bodies` has (address, payload) of those
    who may have to be sent.

    audience = holdout + sum of suppressed + len(target)
    """

    audience: int = 0
    holdout: int = 0
    suppressed: Counter[str] = field(default_factory=Counter)
    target: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, tuple[str, Payload]] = field(default_factory=dict)


def select(
    members: Iterable[Member], campaign: Campaign, firewall: Stops, acknowledged: Mapping[str, str]
) -> Selection:
    """Go through the audience in order of customer_id. Payloads the platform has already are hashed, but not kept.

    Of several customers with one address the first is chosen and the others are stopped (`shared_address`): one mail
    per mailbox.
    """
    chosen = Selection()
    addresses: set[str] = set()
    for chunk in _chunks(members):
        chosen.audience += len(chunk)
        invited = [
            member for member in chunk if not is_held_out(campaign.id, member.customer_id, campaign.holdout_share)
        ]
        chosen.holdout += len(chunk) - len(invited)
        people = [Person(member.customer_id, normal_address(member.email), member.is_mailable) for member in invited]
        stopped = firewall.reasons(people)
        for member, person in zip(invited, people, strict=True):
            reason = stopped.get(person.customer_id) or ("shared_address" if person.address in addresses else None)
            if reason or person.address is None:
                chosen.suppressed[reason or "no_address"] += 1
                continue
            addresses.add(person.address)
            payload = payload_of(person.customer_id, person.address, member.profile, campaign.fields)
            chosen.target[person.customer_id] = payload.hash
            if acknowledged.get(person.customer_id) != payload.hash:
                chosen.bodies[person.customer_id] = (person.address, payload)
    return chosen


def _chunks(members: Iterable[Member]) -> Iterator[list[Member]]:
    rest = iter(members)
    while chunk := list(itertools.islice(rest, _CHUNK)):
        yield chunk
