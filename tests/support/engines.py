"""One engine of each kind for all tests that only need one, and an empty lake for each of them: a JVM is slow until it
is warm."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from lakehouse.config.settings import settings
from lakehouse.engine import control, jars
from lakehouse.engine.state import EngineState, read_state
from lakehouse.spark import session as spark_session
from lakehouse.spark.session import session
from lakehouse.tables import Layer
from tests.support.homes import Home
from tests.support.prepared import Prepared

SPARK = pytest.param("spark", marks=pytest.mark.spark)
SPARK_AT_LENGTH = pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.soak])
ENGINE_MEMORY_GB = "3"
# For a handful of rows Spark takes most of its time to compile code for them, as users' engines do, and the JVM 40 % of
# its CPU to optimise what runs for minutes only.
INTERPRETED = " ".join(
    (
        "-Dspark.sql.codegen.wholeStage=false -Dspark.sql.codegen.factoryMode=NO_CODEGEN",
        "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
    )
)
# A secret in the environment of whoever starts a shared engine; no process of it must know it.
SECRET = ("AIRFLOW_CONN_CRM", "canary")


@dataclass
class Engines:
    """Engines by kind, each in a home of its own below `folder`, started when first asked for."""

    folder: Path
    prepared: Prepared
    homes: dict[str, Home] = field(default_factory=dict)

    @contextmanager
    def work_in(self, kind: str) -> Iterator[Home]:
        """This process works in the home of an engine, which is as good as new: no tables, names, deliveries or
        declarations."""
        home = self._home(kind)
        with _settings_of(home):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(*SECRET)
                control.start()
            forget_tables(home)
            _empty(home)
            self.prepared.copy_to(home)
            (home.path / "conf").mkdir()
            try:
                yield home
            finally:
                spark_session.close()

    def jars(self) -> Path:
        """Folder of the jars that Spark needs, resolved once for the engine of this process and for all others."""
        with _settings_of(self._home("spark")):
            return jars.delta_jars(settings())[0].parent

    def _home(self, kind: str) -> Home:
        return self.homes.setdefault(kind, Home(self.folder / kind, kind))

    def stop(self) -> None:
        """Stop the engines. Raises AssertionError when one leaves a process behind."""
        for home in self.homes.values():
            with _settings_of(home):
                state = read_state(home.path)
                processes = family(state) if state is not None and state.is_supervised else []
                assert control.stop().state == "stopped"
                assert not [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def family(state: EngineState) -> list[psutil.Process]:
    """An engine's supervisor and what runs below it; what ended and was not waited for has nothing to look at."""
    supervisor = psutil.Process(state.supervisor_pid)
    every = [supervisor, *supervisor.children(recursive=True)]
    return [process for process in every if process.status() != psutil.STATUS_ZOMBIE]


def forget_tables(home: Home) -> None:
    """Empty the lake, and the engine's memory of its names."""
    spark = session()
    for layer in Layer:
        for table in spark.sql(f"show tables in {layer}").collect():
            if not table["isTemporary"]:
                spark.sql(f"drop table if exists {layer}.{table['tableName']}").collect()
    shutil.rmtree(home.lake, ignore_errors=True)
    spark_session.close()


def _empty(home: Home) -> None:
    """Remove what tests left in a home, but for its engine, and for the dbt project that was parsed in it: dbt parses
    it again when it has changed."""
    kept = {home.path / "engine", home.path / "logs", home.path / "dbt", home.path / "dbt" / "parsed"}
    for path in {*home.path.iterdir(), *(home.path / "dbt").glob("*")} - kept:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def empty_lake(home: Home) -> Iterator[str]:
    """The lake root of a home; what is written inside the block is removed after it."""
    try:
        yield settings().lake
    finally:
        shutil.rmtree(home.lake, ignore_errors=True)


@contextmanager
def _settings_of(home: Home) -> Iterator[None]:
    """The environment of this process is that of `home`, with conf in `<home>/conf`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LAKEHOUSE_")]:
            patch.delenv(name)
        for name, value in home.environment(
            LAKEHOUSE_ENGINE_MEMORY_GB=ENGINE_MEMORY_GB, LAKEHOUSE_CONF=str(home.path / "conf")
        ).items():
            if name.startswith("LAKEHOUSE_"):
                patch.setenv(name, value)
        patch.setenv("JAVA_TOOL_OPTIONS", INTERPRETED)
        settings.cache_clear()
        yield
    settings.cache_clear()
