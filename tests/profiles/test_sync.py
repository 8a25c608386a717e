"""Profiles from gold: what changed is written, who is gone is removed, and readers see one load at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.config.settings import settings
from lakehouse.errors import ConfigurationError, OtherGoldError
from lakehouse.profiles.fields import Field, Version
from lakehouse.profiles.loads import LOAD_KEY, Load
from lakehouse.profiles.reading import Profile, read_profiles
from lakehouse.profiles.signals import last_viewed_field
from lakehouse.profiles.sqlite_store import SqliteStore
from lakehouse.profiles.store import ProfileStore
from lakehouse.profiles.sync import Synced, SyncRunningError, sync_profiles
from lakehouse.storage.ops_tables import record
from lakehouse.storage.progress import GOLD_BUILT, GOLD_STARTED
from lakehouse.utils.file_lock import held_lock

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
EMAIL_HASH = "email_sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"  # of "a"
CUSTOMERS = pa.schema(
    [(name, pa.string()) for name in ("customer_id", "email", "first_name")]
    + [("is_mailable", pa.bool_()), ("is_contact_deleted", pa.bool_())]
    + [("last_order_at", pa.timestamp("us", tz="UTC"))]
)
SUPPRESSIONS = pa.schema([(name, pa.string()) for name in ("address", "reason")])
MEMBERS = pa.schema([(name, pa.string()) for name in ("segment", "customer_id")])
IDENTITIES = pa.schema(
    [(name, pa.string()) for name in ("identifier_type", "identifier", "customer_id", "rule")]
    + [("former_customer_ids", pa.list_(pa.string()))]
)


def customer(customer_id: str, first_name: str = "Ada", **values: Any) -> dict[str, Any]:
    plain = {"customer_id": customer_id, "email": customer_id, "first_name": first_name, "is_mailable": True}
    return plain | {"is_contact_deleted": False, "last_order_at": datetime(2018, 1, 2, 3, tzinfo=UTC)} | values


def identity(kind: str, text: str, customer_id: str, former: Sequence[str] | None = None) -> dict[str, Any]:
    own = {"identifier_type": kind, "identifier": text, "customer_id": customer_id, "rule": "same_contact"}
    return own | {"former_customer_ids": former}


@dataclass
class Lake:
    """A small gold layer, and the store that it is loaded into."""

    home: Path
    store: SqliteStore

    def build(
        self,
        *customers: dict[str, Any],
        suppressed: Sequence[tuple[str, str]] = (),
        members: Sequence[tuple[str, str]] = (),
        identities: Sequence[dict[str, Any]] = (),
    ) -> None:
        """Write all of gold, as a build does."""
        self.write("gold/dim_customers", CUSTOMERS, customers)
        self.write("gold/suppressions", SUPPRESSIONS, [dict(zip(SUPPRESSIONS.names, row)) for row in suppressed])  # noqa: B905
        self.write("gold/segment_members", MEMBERS, [dict(zip(MEMBERS.names, row)) for row in members])  # noqa: B905
        self.write("silver/identities", IDENTITIES, identities)
        for stage in (GOLD_STARTED, GOLD_BUILT):
            row = {"stage": stage, "input_table": "as_of", "input_version": 1_514_862_000, "run_id": "r"}
            record("progress", [row | {"recorded_at": datetime.now(UTC)}], settings().lake)

    def write(self, name: str, schema: pa.Schema, rows: Sequence[dict[str, Any]]) -> None:
        """Replace a table."""
        location = str(self.home / "lake" / name)
        write_deltalake(location, pa.Table.from_pylist(list(rows), schema=schema), mode="overwrite")

    def sync(self, is_full: bool = False, store: ProfileStore | None = None) -> Synced:
        """Load."""
        return sync_profiles(settings(), lambda: [store or SqliteStore(self.home / "store.sqlite")], is_full)

    def read(self, *asked: str) -> dict[str, Profile]:
        """As the API does."""
        return dict(asyncio.run(read_profiles([self.store], asked, NOW)).profiles)

    def statuses(self, *asked: str) -> dict[str, str]:
        """Asked for -> status of whom is found."""
        return {name: found.content["status"] for name, found in self.read(*asked).items()}

    def names(self, *asked: str) -> dict[str, str]:
        """Asked for -> first name of whom is found."""
        return {name: found.content["profile"]["first_name"] for name, found in self.read(*asked).items()}

    def load(self) -> Load:
        """The load that readers see."""
        return Load.of({field.name: field for field in asyncio.run(self.store.read([LOAD_KEY]))})


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "profiles.yml").write_text("columns: [first_name, last_order_at]\n", encoding="utf-8")
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    settings.cache_clear()
    store = SqliteStore(tmp_path / "store.sqlite")
    yield Lake(tmp_path, store)
    asyncio.run(store.close())
    settings.cache_clear()


def test_a_profile_is_found_by_id_alias_and_hash_of_the_address(lake: Lake) -> None:
    lake.build(
        customer("a"),
        members=[("loyal", "a"), ("big", "a")],
        identities=[identity("email", "A", "a", ["old"]), identity("crm_id", "7", "a"), identity("phone", "1", "a")],
    )
    assert lake.sync() == Synced(True, written=4)
    found = lake.read("a", "old", "crm_id:7", EMAIL_HASH, "phone:1", "A")
    assert {name: each.content["customer_id"] for name, each in found.items()} == dict.fromkeys(
        ["a", "old", "crm_id:7", EMAIL_HASH], "a"
    )
    assert found["a"].content["profile"] == {
        "segments": ["big", "loyal"],
        "first_name": "Ada",
        "last_order_at": "2018-01-02T03:00:00Z",
    }
    assert found["a"].content["as_of"] == "2018-01-02T03:00:00.000+00:00"


def test_who_has_refused_on_a_platform_is_suppressed_with_the_next_sync(lake: Lake) -> None:
    lake.build(*(customer(name) for name in "abcd"), suppressed=[("d", "bounced")])
    lake.sync()
    assert lake.statuses(*"abcd") == dict(zip("abcd", ["active"] * 3 + ["suppressed"], strict=True))
    said = {"platform": "mails", "reason": "unsubscribed", "seen_at": NOW}
    refusals = [("a", None), ("gone", "b"), ("d", "d")]
    record(
        "platform_refusals",
        [said | {"customer_id": name, "address": address} for name, address in refusals],
        settings().lake,
    )
    assert lake.sync() == Synced(False, written=2)
    found = lake.read(*"abcd")
    assert {name: each.content["reason"] for name, each in found.items()} == {
        "a": "refused_on_platform",
        "b": "refused_on_platform",
        "c": None,
        "d": "bounced",
    }
    assert found["a"].content["profile"] is None
    assert lake.sync() == Synced(False)
    assert lake.sync(is_full=True).written == 4
    assert lake.statuses(*"abcd") == dict(
        zip("abcd", ["suppressed", "suppressed", "active", "suppressed"], strict=True)
    )


def test_only_what_changed_is_written(lake: Lake) -> None:
    lake.build(*(customer(name) for name in "abc"), identities=[identity("crm_id", "1", "a")])
    assert lake.sync() == Synced(True, written=4)
    assert lake.sync() == Synced(False)
    lake.build(customer("a"), customer("b", "Bob"), customer("d"), identities=[identity("crm_id", "2", "a")])
    assert lake.sync() == Synced(False, written=3, removed=2)  # b, d, crm_id:2; c, crm_id:1
    assert lake.names("a", "b", "d", "crm_id:1", "crm_id:2") == {"a": "Ada", "b": "Bob", "d": "Ada", "crm_id:2": "Ada"}
    assert lake.sync() == Synced(False)


def test_who_must_not_be_written_to_is_answered_as_such_and_nothing_else_is_kept(lake: Lake) -> None:
    lake.build(customer("a"), customer("b", is_mailable=False), suppressed=[("a", "unsubscribed")])
    lake.store.write([last_viewed_field("a", {"product_id": "P1"}, NOW)])
    lake.sync()
    found = lake.read("a", "b")
    for name, reason in (("a", "unsubscribed"), ("b", "not_mailable")):
        content = found[name].content
        assert (content["status"], content["reason"]) == ("suppressed", reason)
        assert (content["profile"], content["signals"]) == (None, {})
    assert not any(isinstance(each.value, dict) and "first_name" in each.value for each in fields(lake, "a"))
    lake.build(customer("a"), customer("b"))
    lake.sync()
    assert lake.statuses("a", "b") == {"a": "active", "b": "active"}


def fields(lake: Lake, *keys: str) -> list[Field]:
    return asyncio.run(lake.store.read(keys))


@pytest.mark.parametrize("is_full", [False, True])
def test_who_is_gone_is_forgotten_and_stays_so(lake: Lake, is_full: bool) -> None:
    lake.build(customer("a"), customer("b"), customer("c"))
    lake.sync()
    signal = last_viewed_field("a", {"product_id": "P1"}, NOW)
    lake.store.write([signal])
    lake.build(customer("b"), customer("a", is_contact_deleted=True))
    assert lake.sync(is_full).removed == 2
    assert [field.name for field in fields(lake, "a", "c")] == ["gone", "gone"]
    lake.store.write([signal])  # an event that was late
    assert lake.statuses("a", "b", "c") == {"a": "erased", "b": "active", "c": "erased"}
    lake.build(customer("a"), customer("b"))
    lake.sync(is_full)
    assert lake.statuses("a", "b", "c") == {"a": "active", "b": "active", "c": "erased"}


def test_who_was_merged_is_found_by_the_former_id_and_a_split_undoes_it(lake: Lake) -> None:
    apart = [customer("a", "Ann"), customer("b", "Bob")]
    lake.build(*apart)
    lake.sync()
    lake.build(customer("b", "Bob"), identities=[identity("crm_id", "1", "b", ["a"])])
    lake.sync()
    assert lake.names("a", "b", "crm_id:1") == {"a": "Bob", "b": "Bob", "crm_id:1": "Bob"}
    lake.build(*apart)
    lake.sync()
    assert lake.names("a", "b", "crm_id:1") == {"a": "Ann", "b": "Bob"}


class Killed(BaseException):
    """As a kill would end it."""


class Dying(SqliteStore):
    """A store in whose nth call the process dies, before or after it."""

    def __init__(self, file: Path, calls: int, is_before: bool) -> None:
        super().__init__(file)
        self._calls, self._is_before = calls, is_before

    def _counted(self, work: Callable[[], Any]) -> Any:
        self._calls -= 1
        if self._calls == 0 and self._is_before:
            raise Killed
        done = work()
        if self._calls == 0:
            raise Killed
        return done

    def write(self, fields: Sequence[Field]) -> None:
        self._counted(lambda: super(Dying, self).write(fields))

    def delete(self, customer_ids: Sequence[str]) -> None:
        self._counted(lambda: super(Dying, self).delete(customer_ids))

    def sweep(self, generation: int) -> None:
        self._counted(lambda: super(Dying, self).sweep(generation))


@pytest.mark.slow
@pytest.mark.parametrize("is_before", [True, False])
@pytest.mark.parametrize("is_full", [False, True])
def test_a_sync_may_be_killed_anywhere_and_gold_may_have_moved_on_since(
    lake: Lake, is_full: bool, is_before: bool
) -> None:
    first = [customer("a", "Ann"), customer("b", "Bob"), customer("c", "Cid")]
    lake.build(*first, identities=[identity("crm_id", "1", "a")])
    lake.sync()
    for calls in range(1, 20):
        lake.build(customer("a", "Eve"), customer("b", "Bob"), customer("d"), identities=[identity("crm_id", "2", "a")])
        dying = Dying(lake.home / "store.sqlite", calls, is_before)
        try:
            lake.sync(is_full, dying)
            break
        except Killed:
            asyncio.run(dying.close())
        seen = lake.names("a") | lake.names("b")
        assert seen["b"] == "Bob" and seen["a"] in ("Ann", "Eve")
        lake.build(*first, identities=[identity("crm_id", "1", "a")])  # and back again
        lake.sync()
        assert lake.names("a", "b", "c", "crm_id:1", "crm_id:2") == {
            "a": "Ann", "b": "Bob", "c": "Cid", "crm_id:1": "Ann",
        }  # fmt: skip
        assert lake.statuses("d") in ({}, {"d": "erased"})
        assert lake.load().begun == () and lake.load().is_swept
    assert calls > 5
    assert lake.names("a", "b", "d", "crm_id:1", "crm_id:2") == {"a": "Eve", "b": "Bob", "d": "Ada", "crm_id:2": "Eve"}
    assert {name.partition("#")[2] for name in (each.name for each in fields(lake, *"abcd")) if "#" in name} == {
        f"{lake.load().generation:020d}"
    }


class Watching(SqliteStore):
    """A store that is read whenever something was written."""

    def __init__(self, file: Path, look: Callable[[], None]) -> None:
        super().__init__(file)
        self._look = look

    def write(self, fields: Sequence[Field]) -> None:
        for field in fields:
            super().write([field])
            self._look()

    def sweep(self, generation: int) -> None:
        super().sweep(generation)
        self._look()


def test_readers_of_a_full_load_see_all_of_the_old_or_all_of_the_new_one(lake: Lake) -> None:
    names = [f"c{number}" for number in range(20)]
    lake.build(*(customer(name, "Old") for name in names))
    lake.sync()
    lake.build(*(customer(name, "New") for name in names))
    seen: list[set[str]] = []
    watching = Watching(lake.home / "store.sqlite", lambda: seen.append(set(lake.names(*names).values())))
    assert lake.sync(True, watching).is_full
    assert seen[0] == {"Old"} and seen[-1] == {"New"}
    assert all(each in ({"Old"}, {"New"}) for each in seen)


def test_everything_is_loaded_again_when_the_declaration_changed_or_the_store_is_new(lake: Lake) -> None:
    lake.build(customer("a"))
    lake.sync()
    (settings().conf / "profiles.yml").write_text("columns: [last_order_at]\n", encoding="utf-8")
    assert lake.sync() == Synced(True, written=1)
    assert "first_name" not in lake.read("a")["a"].content["profile"]
    other = SqliteStore(lake.home / "other.sqlite")
    assert lake.sync(store=other) == Synced(True, written=1)


def test_everything_is_loaded_again_when_the_state_before_was_removed(lake: Lake) -> None:
    lake.build(customer("a"), customer("b"))
    lake.sync()
    lake.build(customer("a", "Eve"))
    table = DeltaTable(str(lake.home / "lake" / "gold" / "dim_customers"))
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert lake.sync() == Synced(True, written=1, removed=1)
    assert lake.names("a") == {"a": "Eve"} and lake.statuses("b") == {"b": "erased"}


def test_a_column_that_gold_does_not_have_is_named(lake: Lake) -> None:
    lake.build(customer("a"))
    (settings().conf / "profiles.yml").write_text("columns: [firstname]\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"no column 'firstname'.*first_name"):
        lake.sync()


def test_gold_that_is_not_at_rest_is_not_loaded(lake: Lake) -> None:
    with pytest.raises(OtherGoldError, match="never built"):
        lake.sync()
    lake.build(customer("a"))
    row = {"stage": GOLD_STARTED, "input_table": "as_of", "input_version": 1, "run_id": "other"}
    record("progress", [row | {"recorded_at": datetime.now(UTC)}], settings().lake)
    with pytest.raises(OtherGoldError, match="has begun and not ended"):
        lake.sync()


def test_one_sync_at_a_time(lake: Lake) -> None:
    with held_lock(lake.home / "profiles" / "sync.lock", wait_seconds=0), pytest.raises(SyncRunningError):
        lake.sync()


def test_a_version_of_a_sync_counts_over_those_before() -> None:
    load = Load(changed_at=9).changed(5, done={"t": 1})
    assert load.changed_at == 10 and load.field().version == Version(0, 10)
