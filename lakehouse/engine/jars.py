"""The jars that Delta needs beside Spark's own, fetched once by the Ivy inside pyspark into <home>/engine/jars."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from lakehouse.config.settings import Settings
from lakehouse.engine.java import java_binary
from lakehouse.engine.state import engine_dir
from lakehouse.errors import EngineUnavailableError, TransientError
from lakehouse.utils.file_lock import held_lock

DELTA = ("io.delta", "delta-spark_4.2_2.13", "4.4.0")
# Everything else Ivy brings along (hadoop, parquet, scala, log4j ...) Spark has, partly in other versions.
_WANTED_ORGANISATIONS = ("io.delta", "io.unitycatalog")
_RESOLVE_SECONDS = 600


def spark_home() -> Path:
    """Folder of the Spark distribution inside the pyspark package."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise EngineUnavailableError("pyspark is not installed", "Run `make run`, which installs the locked packages.")
    return Path(spec.origin).parent


def jars_dir(chosen: Settings) -> Path:
    """Where the jars of this Delta version are kept."""
    return engine_dir(chosen.home) / "jars" / "-".join(DELTA[1:])


def delta_jars(chosen: Settings) -> list[Path]:
    """The jars, resolved on first use (half a minute, needs a Maven repository) and kept; whole or absent, also when
    killed.

    Raises ConfigurationError without a usable Java, EngineUnavailableError when Ivy cannot resolve them.
    """
    target = jars_dir(chosen)
    if not target.is_dir():
        with held_lock(engine_dir(chosen.home) / "jars.lock", wait_seconds=_RESOLVE_SECONDS) as is_mine:
            if not is_mine:
                raise EngineUnavailableError(
                    f"another process has been resolving jars for {_RESOLVE_SECONDS} s",
                    "Wait for it, or end it, and run again.",
                )
            if not target.is_dir():
                _resolve(chosen, target)
    return sorted(target.glob("*.jar"))


def _resolve(chosen: Settings, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    ivy = next((spark_home() / "jars").glob("ivy-*.jar"))
    with TemporaryDirectory(dir=target.parent, prefix="resolving-") as work:
        fetched, kept = Path(work) / "fetched", Path(work) / "kept"
        command = [str(java_binary(chosen)), "-jar", str(ivy), "-dependency", *DELTA]
        command += ["-confs", "default", "-types", "jar"]
        command += ["-retrieve", f"{fetched}/[organisation]/[artifact]-[revision].[ext]"]
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_RESOLVE_SECONDS, check=False, cwd=work
        )
        if answer.returncode != 0 or "FAILED" in answer.stdout:
            raise _unresolved(answer.stdout + answer.stderr)
        kept.mkdir()
        for organisation in _WANTED_ORGANISATIONS:
            for jar in (fetched / organisation).glob("*.jar"):
                shutil.move(jar, kept / jar.name)
        if not any(kept.glob("delta-spark*.jar")):
            raise _unresolved(answer.stdout)
        os.replace(kept, target)


def _unresolved(output: str) -> TransientError:
    words = [
        line.strip()
        for line in output.splitlines()
        if any(mark in line for mark in ("ERROR", "WARN", "FAILED", "not found", "Exception"))
    ]
    return EngineUnavailableError(
        f"Ivy could not resolve {':'.join(DELTA)}: {' | '.join(words[-4:]) or 'no reason given'}",
        "Make a Maven repository reachable (Ivy reads ~/.ivy2/ivysettings.xml), "
        "or use LAKEHOUSE_ENGINE=sail, which needs no jars.",
    )
