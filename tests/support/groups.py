"""Which tests run in one process, one after the other, when there are several processes (`--numprocesses`)."""

from __future__ import annotations

import pytest

# What takes long to set up and is shared by tests of several modules, made once for all of them.
SHARED = ("ran", "undisturbed", "airflow_home", "postgres", "full", "twice")


def in_groups(items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests group by group, each marked with its group for pytest-xdist: those that take longest first, and lint,
    which a developer corrects first."""
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        groups.setdefault(_group(item), []).append(item)
    for name, members in groups.items():
        for item in members:
            item.add_marker(pytest.mark.xdist_group(name))
    return [item for members in sorted(groups.values(), key=_turn) for item in members]


def _group(item: pytest.Item) -> str:
    """What a marker says; else tests on Spark are one group, those that share something another, and all others of a
    module one."""
    if own := item.get_closest_marker("xdist_group"):
        return str(own.args[0])
    if item.get_closest_marker("spark"):
        return "spark"
    fixtures = getattr(item, "fixturenames", ())
    return next((name for name in SHARED if name in fixtures), f"{item.path.parent.name}.{item.path.stem}")


def _turn(members: list[pytest.Item]) -> int:
    if members[0].get_closest_marker("spark") or members[0].get_closest_marker("lint"):
        return 0
    return 1 if any(item.get_closest_marker("slow") for item in members) else 2
