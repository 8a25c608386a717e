"""Who of an audience should be at the destination, and with which payload: all but the control group and the
suppressed."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lakehouse.activation.audience import Member
from lakehouse.activation.campaigns import Campaign
from lakehouse.activation.consent.firewall import ConsentCheck, Person, normal_address
from lakehouse.activation.holdout import ControlGroup
from lakehouse.activation.payload import Payload, payload_of

_CHUNK = 10_000


@dataclass
class Selection:
    """Who should be at the destination: audience = holdout + sum of suppressed + len(target).

    Attributes:
        suppressed: number of suppressed customers by reason.
        target: payload hash by customer.
        payloads: (address, payload) by customer, of those the destination does not have with this payload.
    """

    audience: int = 0
    holdout: int = 0
    suppressed: Counter[str] = field(default_factory=Counter)
    target: dict[str, str] = field(default_factory=dict)
    payloads: dict[str, tuple[str, Payload]] = field(default_factory=dict)


def select(
    members: Iterable[Member],
    campaign: Campaign,
    control: ControlGroup,
    consent: ConsentCheck,
    acknowledged: Mapping[str, str],
) -> Selection:
    """Select from the audience, in order of customer_id.

    Of several customers with one address the first is selected and the others are suppressed (`shared_address`): one
    mail per mailbox. `acknowledged` has the payload hash by customer that the destination is known to have: such a
    payload is hashed, but not held in memory.
    """
    found = Selection()
    addresses: set[str] = set()
    for chunk in _chunks(members):
        found.audience += len(chunk)
        invited = [member for member in chunk if not control.has(member.customer_id)]
        found.holdout += len(chunk) - len(invited)
        people = [Person(member.customer_id, normal_address(member.email), member.is_mailable) for member in invited]
        reasons = consent.reasons(people)
        for member, person in zip(invited, people, strict=True):
            reason = reasons.get(person.customer_id) or ("shared_address" if person.address in addresses else None)
            if reason or person.address is None:
                found.suppressed[reason or "no_address"] += 1
                continue
            addresses.add(person.address)
            payload = payload_of(person.customer_id, person.address, member.profile, campaign.fields)
            found.target[person.customer_id] = payload.hash
            if acknowledged.get(person.customer_id) != payload.hash:
                found.payloads[person.customer_id] = (person.address, payload)
    return found


def _chunks(members: Iterable[Member]) -> Iterator[list[Member]]:
    rest = iter(members)
    while chunk := list(itertools.islice(rest, _CHUNK)):
        yield chunk
