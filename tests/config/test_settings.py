"""An error about an environment variable has its name, its value and what was expected; child processes get a safe
environment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.cli import main
from lakehouse.config.settings import check_lake, environment_with, own_settings, settings
from lakehouse.diagnostics.doctor import examine
from lakehouse.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LAKEHOUSE_ENGINE", "foo", "Expected: 'sail' or 'spark' (which engine computes)"),
        ("LAKEHOUSE_ENGINE_PORT", "abc", "Expected: a valid integer (Spark Connect port of the engine"),
        ("LAKEHOUSE_ENGINE_PORT", "70000", "Expected: less than or equal to 65535"),
        ("LAKEHOUSE_ENGINE_MEMORY_GB", "-1", "Expected: greater than or equal to 0"),
    ],
)
def test_a_wrong_variable_is_named_with_what_was_expected(
    name: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError):
        settings()
    assert main(["status"]) == 1
    said = capsys.readouterr().err
    assert (
        said.startswith(f"Error: environment variable {name}: the value '{value}' is not valid.\n")
        and expected in said
        and "unset it" in said
    )
    assert "unexpected" not in said and "pydantic" not in said


def test_several_wrong_variables_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_ENGINE", "foo")
    monkeypatch.setenv("LAKEHOUSE_AIRFLOW_PORT", "x")
    with pytest.raises(
        ConfigurationError, match=r"LAKEHOUSE_ENGINE: .* \(and neither are those of LAKEHOUSE_AIRFLOW_PORT\)"
    ):
        settings()


def test_relative_paths_are_those_of_where_the_process_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {"HOME": "here/var", "CONF": "~/conf", "LAKE_ROOT": "lake"}.items():
        monkeypatch.setenv(f"LAKEHOUSE_{name}", value)
    chosen = settings()
    monkeypatch.chdir("/")
    assert (chosen.home, chosen.conf, chosen.lake) == (
        tmp_path / "here" / "var",
        Path.home() / "conf",
        str(tmp_path / "lake"),
    )
    assert chosen.outbox == tmp_path / "here" / "var" / "outbox"
    assert own_settings()["LAKEHOUSE_HOME"] == str(tmp_path / "here" / "var")


def test_a_lake_in_an_object_store_stays_as_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", "s3://bucket/lake/")
    assert settings().lake == "s3://bucket/lake"


@pytest.mark.parametrize("folder", ["my home", "hömé", "100%", "it's", "a#b"])
def test_a_lake_that_the_engines_cannot_read_fails_before_anything_is_written(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / folder))
    for command in (["run"], ["engine", "start"], ["sample", "build", "--households", "60"]):
        assert main(command) == 1
        said = capsys.readouterr().err
        assert said.startswith("Error: LAKEHOUSE_HOME: the tables would be in ") and "set LAKEHOUSE_LAKE_ROOT" in said
    assert not (tmp_path / folder / "sample").exists() and not (tmp_path / folder / "lake").exists()
    seen = next(finding for finding in examine() if finding.name == "lake")
    assert not seen.is_ok and "LAKEHOUSE_LAKE_ROOT" in seen.remedy


@pytest.mark.parametrize("root", ["/data/lake", "s3://bucket/a-b_c", "file:///data/user@host+1"])
def test_a_home_may_have_a_space_when_the_lake_is_elsewhere(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "my home"))
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", root)
    check_lake(settings())


@pytest.mark.parametrize("start", [["-c", "import yaml"], ["-m", "lakehouse.engine.engines"]], ids=["-c", "-m"])
def test_a_file_in_the_current_folder_shadows_no_module_of_a_child(tmp_path: Path, start: list[str]) -> None:
    for name in ("yaml", "pydantic", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    done = subprocess.run(
        [sys.executable, *start],
        cwd=tmp_path,
        env=environment_with(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
