"""The Ivy inside pyspark, which fetches jars from a Maven repository."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from lakehouse.config.settings import Settings
from lakehouse.engine.java import java_binary
from lakehouse.errors import EngineUnavailableError

RESOLVE_SECONDS = 600


def spark_home() -> Path:
    """Folder of the Spark distribution inside the pyspark package."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise EngineUnavailableError("pyspark is not installed", "Run `make run`, which installs the locked packages.")
    return Path(spec.origin).parent


def fetch(chosen: Settings, arguments: Sequence[str], work: Path, what: str, alternative: str) -> Path:
    """Let Ivy resolve what its `arguments` say; the folder of the jars, as <organisation>/<artifact>-<revision>.jar.

    Args:
        chosen: the settings, which say where Java is.
        arguments: Ivy's own, e.g. `-dependency`, organisation, module, revision.
        work: an empty folder to work in.
        what: what is fetched, for an error message.
        alternative: what to do where no Maven repository can be reached.

    Raises:
        ConfigurationError: there is no usable Java.
        EngineUnavailableError: Ivy cannot resolve them.
    """
    fetched = work / "fetched"
    ivy = next((spark_home() / "jars").glob("ivy-*.jar"))
    command = [str(java_binary(chosen)), "-jar", str(ivy), *arguments, "-confs", "default"]
    command += ["-retrieve", f"{fetched}/[organisation]/[artifact]-[revision].[ext]"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=RESOLVE_SECONDS, check=False, cwd=work)
    if answer.returncode != 0 or "FAILED" in answer.stdout:
        raise unresolved(what, answer.stdout + answer.stderr, alternative)
    return fetched


def unresolved(what: str, output: str, alternative: str) -> EngineUnavailableError:
    """The error for what Ivy did not find, with the lines of its output that say why."""
    words = [
        line.strip()
        for line in output.splitlines()
        if any(mark in line for mark in ("ERROR", "WARN", "FAILED", "not found", "Exception"))
    ]
    return EngineUnavailableError(
        f"Ivy could not resolve {what}: {' | '.join(words[-4:]) or 'no reason given'}",
        f"Make a Maven repository reachable (Ivy reads ~/.ivy2/ivysettings.xml), or {alternative}",
    )
