"""What a reader finds out about a file beside its rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

_PLACES = 5  # named of each oddity


@dataclass
class FileFacts:
    """What a reader found out about a file beside its rows; complete when all of them were read.

    `ends_its_last_line`: whether a text file ends with a line end; None where that means nothing.
    """

    ends_its_last_line: bool | None = None
    _places: dict[str, list[str]] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)

    def note(self, oddity: str, place: str | None = None) -> None:
        """Remember something that somebody should know of, and where it is: `line 7`."""
        places = self._places.setdefault(oddity, [])
        if place is not None:
            self._counts[oddity] += 1
            if len(places) < _PLACES:
                places.append(place)

    @property
    def notes(self) -> list[str]:
        """What was noted: each oddity once, with its first places and the number of further ones."""
        return [oddity + self._shown(oddity, places) for oddity, places in self._places.items()]

    def _shown(self, oddity: str, places: list[str]) -> str:
        if not places:
            return ""
        more = self._counts[oddity] - len(places)
        return f" ({', '.join(places)}{f' and {more} more' if more else ''})"
