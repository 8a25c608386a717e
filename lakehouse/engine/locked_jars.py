"""Jars by a lock file: `organisation:artifact:version SHA-256` a line, fetched without what they depend on and checked.

A lock file names all that a program needs, so that it starts with the same bytes on every machine.
"""

from __future__ import annotations

import hashlib
import shutil
from functools import partial
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from lakehouse.config.settings import Settings
from lakehouse.engine.ivy import fetch
from lakehouse.engine.jars import kept_once
from lakehouse.engine.state import engine_dir
from lakehouse.errors import TerminalError


class LockedJar(NamedTuple):
    """One line of a lock file."""

    organisation: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """As a Maven repository names it."""
        return f"{self.artifact}-{self.version}.jar"


class OtherJarError(TerminalError):
    """A repository gave another file than the one that was locked."""

    def __init__(self, jar: LockedJar, lock: Path) -> None:
        super().__init__(
            f"{jar.file_name} is not the file that {lock.name} names: its SHA-256 differs, and it is not used",
            "Find out what your Maven repository or its cache (~/.ivy2/cache) serves; remove it there and run again.",
        )


def read_lock(lock: Path) -> list[LockedJar]:
    """The jars that a lock file names, in its order; lines that begin with # are comments."""
    lines = [line for line in lock.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return [LockedJar._make(line.replace(" ", ":").split(":")) for line in lines]


def locked_jars(chosen: Settings, lock: Path, needed_by: str, alternative: str) -> list[Path]:
    """The jars of a lock file, fetched on first use and kept below <home>/engine/jars; whole or absent.

    Args:
        chosen: the settings.
        lock: the lock file.
        needed_by: what needs them, for an error message.
        alternative: what to do where no Maven repository can be reached.

    Raises:
        ConfigurationError: there is no usable Java.
        EngineUnavailableError: Ivy cannot fetch them.
        OtherJarError: one of them has another checksum.
    """
    version = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    target = engine_dir(chosen.home) / "jars" / f"{lock.stem}-{version}"
    return kept_once(target, chosen, partial(_resolve, chosen, lock, f"the jars of {needed_by}", alternative))


def _resolve(chosen: Settings, lock: Path, what: str, alternative: str, work: Path, kept: Path) -> None:
    jars = read_lock(lock)
    module = work / "ivy.xml"
    module.write_text(_ivy_module(jars), encoding="utf-8")
    fetched = fetch(chosen, ["-ivy", str(module)], work, what, alternative)
    for jar in jars:
        file = fetched / jar.organisation / jar.file_name
        if hashlib.sha256(file.read_bytes()).hexdigest() != jar.sha256:
            raise OtherJarError(jar, lock)
        shutil.move(file, kept / jar.file_name)


def _ivy_module(jars: list[LockedJar]) -> str:
    """An Ivy file that wants exactly these jars: without conflict management, several versions of one may be named."""
    wanted = "".join(
        f"<dependency org={quoteattr(jar.organisation)} name={quoteattr(jar.artifact)} rev={quoteattr(jar.version)}"
        ' transitive="false" conf="default->master"/>'
        for jar in jars
    )
    return (
        '<ivy-module version="2.0"><info organisation="lakehouse" module="jars"/>'
        f'<configurations><conf name="default"/></configurations><dependencies>{wanted}</dependencies></ivy-module>'
    )
