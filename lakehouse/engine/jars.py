"""The jars that Delta needs beside Spark's own, fetched once by the Ivy inside pyspark into <home>/engine/jars."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from lakehouse.config.settings import Settings
from lakehouse.engine.ivy import RESOLVE_SECONDS, fetch, spark_home, unresolved
from lakehouse.engine.state import engine_dir
from lakehouse.errors import EngineUnavailableError
from lakehouse.utils.file_lock import held_lock

__all__ = ["DELTA", "delta_jars", "jars_dir", "kept_once", "spark_home"]
DELTA = ("io.delta", "delta-spark_4.2_2.13", "4.4.0")
# Everything else Ivy brings along (hadoop, parquet, scala, log4j ...) Spark has, partly in other versions.
_WANTED_ORGANISATIONS = ("io.delta", "io.unitycatalog")
_ALTERNATIVE = "use LAKEHOUSE_ENGINE=sail, which needs no jars."


def jars_dir(chosen: Settings) -> Path:
    """Where the jars of this Delta version are kept."""
    return engine_dir(chosen.home) / "jars" / "-".join(DELTA[1:])


def delta_jars(chosen: Settings) -> list[Path]:
    """The jars, resolved on first use (half a minute, needs a Maven repository) and kept; whole or absent, also when
    killed.

    Raises ConfigurationError without a usable Java, EngineUnavailableError when Ivy cannot resolve them.
    """

    def resolve(work: Path, kept: Path) -> None:
        fetched = fetch(chosen, ["-dependency", *DELTA, "-types", "jar"], work, ":".join(DELTA), _ALTERNATIVE)
        for organisation in _WANTED_ORGANISATIONS:
            for jar in (fetched / organisation).glob("*.jar"):
                shutil.move(jar, kept / jar.name)
        if not any(kept.glob("delta-spark*.jar")):
            raise unresolved(":".join(DELTA), "", _ALTERNATIVE)

    return kept_once(jars_dir(chosen), chosen, resolve)


def kept_once(target: Path, chosen: Settings, resolve: Callable[[Path, Path], None]) -> list[Path]:
    """The jars of a folder; made by the first that asks, while others wait, and then never again.

    Args:
        target: the folder, a sibling of the other folders of jars.
        chosen: the settings.
        resolve: puts the jars into its second argument, with the first as a folder to work in.
    """
    if not target.is_dir():
        with held_lock(engine_dir(chosen.home) / "jars.lock", wait_seconds=RESOLVE_SECONDS) as is_mine:
            if not is_mine:
                raise EngineUnavailableError(
                    f"another process has been resolving jars for {RESOLVE_SECONDS} s",
                    "Wait for it, or end it, and run again.",
                )
            if not target.is_dir():
                target.parent.mkdir(parents=True, exist_ok=True)
                with TemporaryDirectory(dir=target.parent, prefix="resolving-") as work:
                    kept = Path(work) / "kept"
                    kept.mkdir()
                    resolve(Path(work), kept)
                    os.replace(kept, target)
    return sorted(target.glob("*.jar"))
