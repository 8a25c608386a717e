"""One engine of each kind for all tests that only need one, and an empty lake for each of them: a JVM is slow until it
is warm."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lakehouse.config.settings import settings
from lakehouse.engine import control
from lakehouse.spark import session as spark_session
from lakehouse.spark.session import session
from lakehouse.tables import Layer
from tests.support.homes import Home

SPARK = pytest.param("spark", marks=pytest.mark.spark)
SPARK_AT_LENGTH = pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.soak])
ENGINE_MEMORY_GB = "3"
# For a handful of rows Spark takes most of its time to compile code for them; users' engines do.
INTERPRETED = "-Dspark.sql.codegen.wholeStage=false -Dspark.sql.codegen.factoryMode=NO_CODEGEN"


@dataclass
class Engines:
    """Engines by kind, each in a home of its own below `folder`, started when first asked for."""

    folder: Path
    homes: dict[str, Home] = field(default_factory=dict)

    @contextmanager
    def work_in(self, kind: str) -> Iterator[Home]:
        """This process works in the home of an engine, which is as good as new: no tables, names, deliveries or
        declarations."""
        home = self.homes.setdefault(kind, Home(self.folder / kind, kind))
        with _settings_of(home):
            control.start()
            forget_tables(home)
            for name in ("conf", "landing", "sample", "quality", "docs", "outbox", "dbt"):
                shutil.rmtree(home.path / name, ignore_errors=True)
            (home.path / "conf").mkdir()
            try:
                yield home
            finally:
                spark_session.close()

    def stop(self) -> None:
        for home in self.homes.values():
            with _settings_of(home):
                control.stop()


def forget_tables(home: Home) -> None:
    """Empty the lake, and the engine's memory of its names."""
    spark = session()
    for layer in Layer:
        for table in spark.sql(f"show tables in {layer}").collect():
            if not table["isTemporary"]:
                spark.sql(f"drop table if exists {layer}.{table['tableName']}").collect()
    shutil.rmtree(home.lake, ignore_errors=True)
    spark_session.close()


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
