"""Queries that last, and queries that do not fit, on each kind of engine."""

from __future__ import annotations

# Minutes of work in little memory.
ENDLESS = "select max(a.id % 7919 * (b.id % 7907)) from range(3000000) a cross join range(3000000) b"
# One value of a gigabyte and more.
TOO_LARGE = "select size(collect_list(concat(cast(id as string), repeat('x', 60)))) from range(30000000)"
