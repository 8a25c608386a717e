"""Queries that last, and queries that do not fit, on each kind of engine."""

from __future__ import annotations

# Many minutes of work in little memory.
ENDLESS = "select max(xxhash64(id)) from range(500000000000)"
# One value of a gigabyte and more.
TOO_LARGE = "select size(collect_list(concat(cast(id as string), repeat('x', 60)))) from range(16000000)"
