"""What a batch does while the lake or a profile store is away: it waits, and the lag grows, but nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

import stamina

from lakehouse.errors import TransientError

_AWAY_SECONDS, _LONGEST_PAUSE = 600.0, 5.0
P = ParamSpec("P")


def until_it_answers(write: Callable[P, None]) -> Callable[P, None]:
    """The same write, which is repeated while it fails with a TransientError, for ten minutes at most."""
    return stamina.retry(on=TransientError, attempts=None, timeout=_AWAY_SECONDS, wait_max=_LONGEST_PAUSE)(write)
