"""The keys of this home: <home>/keys/keys.json, readable by its owner only. Keys themselves are not in it.

A key is 32 random bytes, so its SHA-256 cannot be turned back by trying: a slow hash, which passwords need, would cost
every request milliseconds.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from lakehouse.errors import TerminalError
from lakehouse.utils.atomic_files import write_private
from lakehouse.utils.file_lock import held_lock

Scope = Literal["collect", "profiles"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True)
class Key:
    """What is kept of a key: `collect` may send events, `profiles` may read profiles. Times are ISO, UTC."""

    key_id: str
    scope: Scope
    name: str
    sha256: str
    created_at: str
    revoked_at: str = ""

    @property
    def is_valid(self) -> bool:
        """False once it was revoked."""
        return not self.revoked_at


class UnknownKeyError(TerminalError):
    """There is no key with that id."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"there is no key {key_id}", "`lakehouse keys list` shows all keys with their ids.")


def keys_file(home: Path) -> Path:
    """Where the keys are kept."""
    return home / "keys" / "keys.json"


def read_keys(home: Path) -> list[Key]:
    """All keys, also revoked ones, oldest first."""
    try:
        return [Key(**each) for each in json.loads(keys_file(home).read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []


def create_key(home: Path, scope: Scope, name: str = "") -> tuple[Key, str]:
    """A new key, and the text of it, which is shown this once and kept nowhere."""
    text = f"lh_{scope}_{secrets.token_urlsafe(32)}"
    key = Key(secrets.token_hex(4), scope, name, _digest(text), _now())
    with _changing(home):
        _write(home, [*read_keys(home), key])
    return key, text


def revoke_key(home: Path, key_id: str) -> Key:
    """Make a key worthless, within a second for running servers; nothing changes when it is already.

    Raises:
        UnknownKeyError: there is none with that id.
    """
    with _changing(home):
        keys = {key.key_id: key for key in read_keys(home)}
        if key_id not in keys:
            raise UnknownKeyError(key_id)
        if keys[key_id].is_valid:
            keys[key_id] = dataclasses.replace(keys[key_id], revoked_at=_now())
            _write(home, list(keys.values()))
        return keys[key_id]


class KeyRing:
    """The keys as a server asks for them: read again when the file has changed."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._seen: tuple[int, int] | None = None
        self._keys: dict[str, Key] = {}

    def find(self, text: str, scope: Scope) -> Key | None:
        """The valid key of that scope, or None."""
        self._refresh()
        key = self._keys.get(_digest(text))
        return key if key is not None and key.is_valid and key.scope == scope else None

    def _refresh(self) -> None:
        try:
            status = keys_file(self._home).stat()
        except FileNotFoundError:
            self._seen, self._keys = None, {}
            return
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._seen:
            self._keys, self._seen = {key.sha256: key for key in read_keys(self._home)}, seen


@contextmanager
def _changing(home: Path) -> Iterator[None]:
    with held_lock(keys_file(home).with_name("keys.lock"), wait_seconds=-1):
        yield


def _write(home: Path, keys: list[Key]) -> None:
    write_private(keys_file(home), json.dumps([dataclasses.asdict(key) for key in keys], indent=1))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
