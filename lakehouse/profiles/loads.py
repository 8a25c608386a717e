"""Which load of the batch side readers see, and what it was made of: one field of the store itself.

A full load writes its fields under names of its own beside those that readers see. One write of this field then makes
all of them count at once. Because it is in the store, a store that was lost or restored is never believed to be loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lakehouse.profiles.fields import Field, Version

LOAD_KEY = "#load"  # instead of the id of a customer
_NAME = "load"
PROFILE, ALIAS, GONE = "profile", "alias", "gone"  # the fields that the batch side writes
REFUSED = "refused"  # written by the stream, beside them: must not be written to any more, whatever a load says
Versions = Mapping[str, int]


@dataclass(frozen=True)
class Load:
    """The load that readers see.

    Attributes:
        generation: of its fields; when it began, microseconds since 1970. 0 before the first load.
        fingerprint: of what a profile held.
        done: table of the lake -> its version that was loaded last.
        begun: versions of syncs that began since and may have written some of their changes.
        changed_at: when this was written, microseconds since 1970.
        is_swept: what earlier loads left was removed.
    """

    generation: int = 0
    fingerprint: str = ""
    done: Versions | None = None
    begun: tuple[Versions, ...] = ()
    changed_at: int = 0
    is_swept: bool = True

    def field(self) -> Field:
        """As it is kept in the store."""
        value = {
            "fingerprint": self.fingerprint,
            "done": self.done,
            "begun": list(self.begun),
            "is_swept": self.is_swept,
        }
        return Field(LOAD_KEY, _NAME, Version(self.generation, self.changed_at), value)

    @classmethod
    def of(cls, fields: Mapping[str, Field]) -> Load:
        """From the fields of LOAD_KEY."""
        found = fields.get(_NAME)
        if found is None:
            return cls()
        value: dict[str, Any] = found.value
        generation, changed_at, _ = found.version
        begun = tuple(value["begun"])
        return cls(generation, value["fingerprint"], value["done"], begun, changed_at, value["is_swept"])

    def changed(self, now: int, **values: Any) -> Load:
        """With other values, as a later version."""
        return replace(self, changed_at=max(now, self.changed_at + 1), **values)


def field_name(name: str, generation: int) -> str:
    """The name under which a load keeps a field."""
    return f"{name}#{generation:020d}"


def lost_profile(names: Collection[str], generation: int) -> bool:
    """Whether a customer has, by the names of its fields, a profile of an earlier load and none of this one."""
    current = field_name(PROFILE, generation)
    return current not in names and any(name.startswith(PROFILE + "#") and name < current for name in names)


def outdated(names: Iterable[str], generation: int) -> list[str]:
    """Those of the names that loads before this one gave."""
    return [name for name in names if "#" in name and name.partition("#")[2] < field_name("", generation)[1:]]
