"""Java and the jars that Spark needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.config.settings import settings
from lakehouse.engine import jars
from lakehouse.engine.java import java_binary
from lakehouse.errors import ConfigurationError, EngineUnavailableError
from tests.support.engines import SPARK
from tests.support.homes import Home


def fake_java(folder: Path, says: str) -> Path:
    binary = folder / "bin" / "java"
    binary.parent.mkdir(parents=True)
    binary.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
    binary.chmod(0o755)
    return folder


@pytest.mark.spark
def test_jars_are_deltas_alone_and_resolved_once(resolved_jars: Path) -> None:
    names = {jar.name.rsplit("-", 1)[0] for jar in resolved_jars.glob("*.jar")}
    assert {"delta-spark_4.2_2.13", "delta-storage"} <= names
    own = {jar.name for jar in (jars.spark_home() / "jars").glob("*.jar")}
    assert not own & {jar.name for jar in resolved_jars.glob("*.jar")}
    assert [entry.name for entry in resolved_jars.parent.iterdir()] == [resolved_jars.name]


@pytest.mark.parametrize("new_home", [SPARK], indirect=True)
def test_jars_that_are_there_need_no_java(new_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_JAVA_HOME", "/no/such/java")
    settings.cache_clear()
    assert jars.delta_jars(settings())


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ('openjdk version "11.0.2" 2019-01-15', "is Java 11"),
        ('java version "1.8.0_301"', "is Java 1"),
        ("who am I", "unknown version"),
    ],
)
def test_wrong_java_is_named(
    says: str, message: str, tmp_path: Path, new_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEHOUSE_JAVA_HOME", str(fake_java(tmp_path / "java", says)))
    settings.cache_clear()
    with pytest.raises(ConfigurationError, match=f"{message}.*Java 17"):
        java_binary(settings())


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"LAKEHOUSE_JAVA_HOME": "/no/such"}, "LAKEHOUSE_JAVA_HOME"),
        ({"LAKEHOUSE_JAVA_HOME": "/no/such", "JAVA_HOME": "/usr"}, "LAKEHOUSE_JAVA_HOME"),
        ({"JAVA_HOME": "/no/such"}, "JAVA_HOME"),
        (
            {"LAKEHOUSE_JAVA_HOME": "/no/such", "JAVA_HOME": "/no/such"},
            "JAVA_HOME",
        ),  # in a child process: its parent had only the latter
    ],
)
def test_a_wrong_folder_is_told_with_the_variable_that_names_it(
    given: dict[str, str], named: str, new_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JAVA_HOME", "LAKEHOUSE_JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    with pytest.raises(ConfigurationError, match=f"^{named}: /no/such/bin/java does not exist.*or no {named} at all"):
        java_binary(settings())


def test_missing_java_is_named(new_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("LAKEHOUSE_JAVA_HOME", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    settings.cache_clear()
    with pytest.raises(
        ConfigurationError,
        match=r"needs Java 17, and no `java` is on the PATH.*apt-get install openjdk-17.*ENGINE=sail",
    ):
        java_binary(settings())


def test_resolver_that_fails_leaves_nothing(new_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "LAKEHOUSE_JAVA_HOME", str(fake_java(tmp_path / "java", 'openjdk version "17.0.1" ERROR nobody there'))
    )
    settings.cache_clear()
    with pytest.raises(
        EngineUnavailableError, match=r"could not resolve io.delta.*nobody there.*LAKEHOUSE_ENGINE=sail"
    ):
        jars.delta_jars(settings())
    assert not list(jars.jars_dir(settings()).parent.iterdir())
