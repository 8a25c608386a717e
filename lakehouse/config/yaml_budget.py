"""What a configuration file may ask of its reader: read as a stream of events, before anything is made of them.

A few lines of YAML can stand for more than a memory holds (aliases of aliases), for a value without end (an alias
within its own anchor), or for levels that no parser returns from.
"""

from __future__ import annotations

from typing import cast

import yaml

_VALUES = 100_000  # that a file may stand for, aliases written out
_LEVELS = 50
_MERGE = "<<"


def check_yaml(text: str) -> None:
    """Raise yaml.MarkedYAMLError, with its line, for what a configuration file must not have: more values or levels
    than anybody writes, an alias within its own anchor, a merge key, and a key that is not a single value."""
    checked = _Check()
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        checked.take(event)


class _Level:
    """A mapping or list that is open; of a mapping, whether a key comes next."""

    def __init__(self, event: yaml.CollectionStartEvent, before: int) -> None:
        self.anchor, self.before = event.anchor, before
        self.is_mapping = isinstance(event, yaml.MappingStartEvent)
        self.is_at_key = self.is_mapping


class _Check:
    def __init__(self) -> None:
        self._open: list[_Level] = []
        self._sizes: dict[str, int | None] = {}  # anchor -> values that it stands for; None while it is open
        self._count = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.NodeEvent):
            self._check_key(event)
        if isinstance(event, yaml.CollectionStartEvent):
            if len(self._open) == _LEVELS:
                raise _refused(event, f"values are nested more than {_LEVELS} levels deep")
            self._open.append(_Level(event, self._count))
            if event.anchor:
                self._sizes[event.anchor] = None
            return
        if isinstance(event, yaml.CollectionEndEvent):
            level = self._open.pop()
            self._ended(event, 1, level.anchor, level.before)
        elif isinstance(event, yaml.AliasEvent):
            size = self._sizes.get(str(event.anchor), 0)  # unknown: the parser says so
            if size is None:
                raise _refused(event, f"the alias *{event.anchor} is within its own anchor")
            self._ended(event, size, None, self._count)
        elif isinstance(event, yaml.ScalarEvent):
            self._ended(event, 1, event.anchor, self._count)

    def _check_key(self, event: yaml.NodeEvent) -> None:
        """Refuse what is no key where one stands."""
        if not (self._open and self._open[-1].is_at_key):
            return
        if not isinstance(event, yaml.ScalarEvent):
            raise _refused(event, "a key is not a single word or number (a list, a mapping or an alias)")
        if event.value == _MERGE and not event.style:
            raise _refused(event, "the merge key << is not supported: write the keys out")

    def _ended(self, event: yaml.Event, count: int, anchor: str | None, before: int) -> None:
        """Take note of a value that is complete."""
        self._count += count
        if self._count > _VALUES:
            raise _refused(event, f"the file stands for more than {_VALUES:,} values, aliases written out")
        if anchor:
            self._sizes[anchor] = self._count - before
        if self._open and self._open[-1].is_mapping:
            self._open[-1].is_at_key = not self._open[-1].is_at_key


def _refused(event: yaml.Event, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(None, None, problem, cast(yaml.Mark, event.start_mark))
