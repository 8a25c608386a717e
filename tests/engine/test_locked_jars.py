"""Jars by a lock file: the bytes that it names, or none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from lakehouse.config.settings import PROJECT_ROOT, Settings, settings
from lakehouse.engine import locked_jars as module
from lakehouse.engine.locked_jars import OtherJarError, locked_jars, read_lock

LOCKS = sorted((PROJECT_ROOT / "lakehouse").rglob("*.lock"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_line_names_a_jar_and_its_digest(lock: Path) -> None:
    jars = read_lock(lock)
    assert jars and len({jar.file_name for jar in jars}) == len(jars)
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in jars)


@pytest.mark.parametrize("is_same", [True, False])
def test_what_a_repository_gives_is_compared(is_same: bool, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = home / "some.lock"
    lock.write_text(f"# a comment\norg.example:some:1.0 {hashlib.sha256(b'jar').hexdigest()}\n")

    def fetch(_: Settings, arguments: Sequence[str], work: Path, *__: str) -> Path:
        assert 'org="org.example" name="some" rev="1.0" transitive="false"' in Path(arguments[1]).read_text()
        folder = work / "fetched" / "org.example"
        folder.mkdir(parents=True)
        (folder / "some-1.0.jar").write_bytes(b"jar" if is_same else b"another jar")
        return folder.parent

    monkeypatch.setattr(module, "fetch", fetch)
    if is_same:
        found = locked_jars(settings(), lock, "a test", "do without")
        assert [jar.read_bytes() for jar in found] == [b"jar"]
        monkeypatch.delattr(module, "fetch")  # they are kept
        assert locked_jars(settings(), lock, "a test", "do without") == found
    else:
        with pytest.raises(OtherJarError, match=r"some-1.0.jar is not the file that some.lock names"):
            locked_jars(settings(), lock, "a test", "do without")
        assert not list((home / "engine" / "jars").glob("some-*"))
