"""One rule for every field: the greater version wins, in whatever order writes come."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.profiles.fields import Field, Version, live, merged, microseconds
from lakehouse.profiles.sqlite_store import SqliteStore

NOW = datetime(2026, 11, 27, 8, 0, 0, 1, UTC)
versions = st.builds(Version, st.integers(0, 3), st.integers(0, 3), st.integers(0, 2))
values = st.none() | st.integers(0, 300) | st.text(max_size=3) | st.dictionaries(st.sampled_from("ab"), st.integers())
fields = st.builds(Field, st.sampled_from(["c1", "c2"]), st.sampled_from(["x", "y"]), versions, values)


def field(epoch: int, at: int, value: object, events: int = 0) -> Field:
    return Field("c", "f", Version(epoch, at, events), value)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (field(0, 1, "a"), field(0, 2, "b")),
        (field(0, 255, "z"), field(0, 256, "a")),  # as numbers, not as digits
        (field(0, 9, "stream"), field(1, 1, "rebuilt")),
        (field(0, 1, 9, events=9), field(0, 1, 10, events=10)),
        (field(0, 1, 1), field(0, 1, 2)),
    ],
)
def test_the_greater_version_wins(older: Field, newer: Field) -> None:
    for order in permutations([older, newer]):
        assert merged(order) == {"f": newer}


@given(fields)
def test_a_field_outlives_its_encoding(given_field: Field) -> None:
    assert Field.decoded(given_field.customer_id, given_field.name, given_field.encoded()) == given_field


@given(st.lists(fields, max_size=8), st.randoms())
def test_a_store_ends_the_same_in_every_order_and_with_every_repetition(
    tmp_path_factory: pytest.TempPathFactory, writes: list[Field], random: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("stores")
    stores = [SqliteStore(folder / name) for name in ("in order", "shuffled")]
    stores[0].write(writes)
    for one in random.sample(writes * 2, len(writes) * 2):  # type: ignore[attr-defined]
        stores[1].write([one])
    for customer_id in ("c1", "c2"):
        found = [asyncio.run(store.read(customer_id)) for store in stores]
        assert found[0] == found[1]
        assert merged(found[0]) == merged(each for each in writes if each.customer_id == customer_id)
    for store in stores:
        asyncio.run(store.close())


def test_what_has_expired_is_left_out() -> None:
    at = microseconds(NOW)
    found = {
        name: Field("c", name, Version(0, 0), 1, expires) for name, expires in (("a", 0), ("b", at), ("c", at + 1))
    }
    assert list(live(found, NOW)) == ["a", "c"]
    assert at == 1_795_766_400_000_001 and microseconds(NOW + timedelta(microseconds=1)) == at + 1


def test_customers_are_forgotten(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "folder" / "profiles.sqlite")
    store.write([Field("c1", "x", Version(0, 1), 1), Field("c2", "x", Version(0, 1), 1)])
    store.delete(["c1", "unknown"])
    assert asyncio.run(store.read("c1")) == [] and len(asyncio.run(store.read("c2"))) == 1
    assert (tmp_path / "folder").stat().st_mode & 0o077 == 0
