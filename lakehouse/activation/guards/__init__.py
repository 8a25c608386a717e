"""Guards: before an export sends anything unusual, a person is asked. One file each; what is wrong for sure is refused
elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from lakehouse.activation.campaigns.guard_limits import GuardLimits
from lakehouse.activation.guards.empty_source import empty_source
from lakehouse.activation.guards.facts import EmptyDelivery, Fired, SendFacts
from lakehouse.activation.guards.full_sync import full_sync
from lakehouse.activation.guards.many_rejects import many_rejects
from lakehouse.activation.guards.mass_removal import mass_removal
from lakehouse.activation.guards.unusual_audience import unusual_audience
from lakehouse.activation.guards.wiped_fields import wiped_fields

# A guard says in a sentence with figures why a person has to look, or None.
Guard = Callable[[SendFacts, GuardLimits], str | None]
GUARDS: dict[str, Guard] = {
    guard.__name__: guard
    for guard in (empty_source, unusual_audience, full_sync, mass_removal, many_rejects, wiped_fields)
}


def fired(facts: SendFacts, limits: GuardLimits) -> tuple[Fired, ...]:
    """The guards that ask a person; none when nothing would be sent."""
    counts = facts.counts
    if not counts.added + counts.changed + counts.removed:
        return ()
    told = {name: guard(facts, limits) for name, guard in GUARDS.items()}
    return tuple(Fired(guard=name, sentence=sentence) for name, sentence in told.items() if sentence)


__all__ = ["GUARDS", "EmptyDelivery", "Fired", "GuardLimits", "SendFacts", "fired"]
