"""Whom a platform meant when it refused a whole call: the call is halved until the row stands alone."""

from __future__ import annotations

from collections.abc import Sequence

from lakehouse.activation.destinations.destination import Rejection
from lakehouse.activation.destinations.platform import (
    Caller,
    CallRefusedError,
    Item,
    Outcomes,
    Platform,
)


async def deliver_all_it_takes(platform: Platform, items: Sequence[Item], call: Caller) -> Outcomes:
    """Deliver items; where the platform refuses a call as a whole, deliver what it takes of it.

    One bad row among n costs about 2 log2(n) calls more.
    """
    try:
        return await platform.deliver(items, call)
    except CallRefusedError as refused:
        if len(items) == 1:
            return Outcomes("", {0: Rejection(refused.reason, refused.is_permanent)})
    middle = len(items) // 2
    first = await deliver_all_it_takes(platform, items[:middle], call)
    second = await deliver_all_it_takes(platform, items[middle:], call)
    later = {middle + place: rejection for place, rejection in second.rejected.items()}
    references = [part.reference for part in (first, second) if part.reference]
    return Outcomes(" ".join(references), {**first.rejected, **later})
