"""Keys are made, found and revoked; their text is kept nowhere."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from lakehouse.keys.store import KeyRing, UnknownKeyError, create_key, keys_file, read_keys, revoke_key


def test_a_key_is_found_by_its_text_and_scope_only(home: Path) -> None:
    ring = KeyRing(home)
    assert ring.find("anything", "collect") is None
    record, text = create_key(home, "collect", "shop")
    assert ring.find(text, "collect") == record
    assert ring.find(text, "profiles") is None
    assert ring.find(text[:-1], "collect") is None
    assert ring.find("\ud800", "collect") is None


def test_the_file_has_no_key_and_only_its_owner_reads_it(home: Path) -> None:
    texts = [create_key(home, "collect")[1], create_key(home, "profiles")[1]]
    content = keys_file(home).read_text()
    assert len(read_keys(home)) == 2
    assert not any(text in content for text in texts)
    assert stat.S_IMODE(keys_file(home).stat().st_mode) == 0o600


def test_a_revoked_key_is_worthless_at_once_and_stays_in_the_list(home: Path) -> None:
    ring = KeyRing(home)
    record, text = create_key(home, "profiles")
    assert ring.find(text, "profiles")
    revoked = revoke_key(home, record.key_id)
    assert revoked.revoked_at and ring.find(text, "profiles") is None
    assert revoke_key(home, record.key_id) == revoked
    assert read_keys(home) == [revoked]


def test_an_unknown_key_is_named(home: Path) -> None:
    with pytest.raises(UnknownKeyError, match=r"no key 12345678.*keys list"):
        revoke_key(home, "12345678")
