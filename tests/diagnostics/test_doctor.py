"""The doctor sees what is missing and says what to do; on a machine that is ready it finds nothing."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.config.settings import settings
from lakehouse.diagnostics import doctor
from lakehouse.diagnostics.doctor import Finding, examine, wrong_packages
from lakehouse.tables import silver
from tests.support.homes import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    found = Home(tmp_path, "sail")
    for name, value in found.environment().items():
        if name.startswith("LAKEHOUSE_"):
            monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield found
    settings.cache_clear()


def finding(name: str) -> Finding:
    return next(one for one in examine() if one.name == name)


def test_a_ready_machine_passes_every_check(home: Home) -> None:
    assert [one for one in examine() if not one.is_ok] == []


def test_every_remedy_ends_as_a_sentence(home: Home) -> None:
    assert [one.name for one in examine() if one.remedy and not one.remedy.endswith(".")] == []


def test_missing_and_other_packages_are_named() -> None:
    lock = "# made by a tool\npytest==0.0.1 \\\n    --hash=sha256:aa\nno-such-package==2.0 \\\n    # via nobody\n"
    found = wrong_packages(lock)
    assert found[0].startswith("pytest 0.0.1 (")
    assert found[1:] == ["no-such-package 2.0 (missing)"]


def test_port_of_another_program_is_named_with_the_setting(home: Home) -> None:
    with socket.create_server(("127.0.0.1", home.ports[1])):
        seen = finding("port airflow_port")
    assert not seen.is_ok
    assert str(home.ports[1]) in seen.detail
    assert "LAKEHOUSE_AIRFLOW_PORT" in seen.remedy


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"LAKEHOUSE_ENGINE_OPEN": "true"}, "every user of this machine .*LAKEHOUSE_ENGINE_OPEN is set; unset it"),
        (
            {"LAKEHOUSE_LAKE_ROOT": "s3://bucket/lake"},
            "every user of this machine .*object store.*LAKEHOUSE_ENGINE=spark",
        ),
        ({"LAKEHOUSE_ENGINE": "spark", "LAKEHOUSE_LAKE_ROOT": "s3://bucket/lake"}, "known when the engine runs"),
    ],
)
def test_engine_that_others_can_use_is_told(
    home: Home, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    assert re.search(told, finding("engine access").detail)


def test_port_of_a_program_of_many_lines_is_shown_in_one(home: Home) -> None:
    program = (
        f"import socket, time\nheld = socket.create_server(('127.0.0.1', {home.ports[1]}))\n"
        f"print('up', flush=True)\ntime.sleep(60)\n# {'x' * 200}"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        seen = finding("port airflow_port")
        process.kill()
    assert f"pid {process.pid}: " in seen.detail
    assert seen.detail.isprintable() and seen.detail.endswith("…") and len(seen.detail) < 160


def test_wrong_configuration_is_named_with_its_line(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = home.path / "conf"
    conf.mkdir()
    (conf / "sources.yml").write_text("sources:\n  crm:\n    kind: carrier pigeon\n")
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    settings.cache_clear()
    assert not finding("conf sources.yml").is_ok
    assert "sources.yml:" in finding("conf sources.yml").detail
    assert "does not exist" in finding("conf campaigns.yml").detail


def test_a_lake_of_an_earlier_version_is_reported(home: Home) -> None:
    write_deltalake(silver("contacts").location(settings().lake), pa.table({"contact_id": ["1"]}))
    seen = finding("lake")
    assert not seen.is_ok
    assert "earlier version" in seen.detail and "lakehouse run --full" in seen.remedy


REST = "kind: rest, base_url: '{}', auth: {{kind: bearer, token: '${{T_TOKEN}}'}}"
ENDPOINT = "products: {path: p, load: full, pagination: {kind: none}, mapping: {product_id: id}}"
TABLE = "products: {table: p, load: full, mapping: {product_id: id}}"


@pytest.mark.parametrize(
    ("source", "dataset", "problem", "remedy"),
    [
        (
            "kind: sql, url: 'postgresql+psycopg://me:${T_ABSENT}@h/db'",
            TABLE,
            "T_ABSENT is not set",
            "T_ABSENT in the environment",
        ),
        ("kind: sql, url: '${T_URL}'", TABLE, "the URL of source asked cannot be parsed", "written as %40"),
        (
            "kind: sql, url: 'nosuch://h/db'",
            TABLE,
            "sources.yml:2: the URL of source asked is wrong",
            "a SQLAlchemy URL",
        ),
        ("kind: sql, url: 'oracle://me:${T_TOKEN}@h/db'", TABLE, "driver is not installed", "Install the driver"),
        (
            "kind: sql, url: 'sqlite:////no/such.db'",
            TABLE,
            "the database /no/such.db does not exist",
            "Have it delivered",
        ),
        (
            REST.replace("T_TOKEN", "T_ABSENT").format("https://h/v1"),
            ENDPOINT,
            "T_ABSENT is not set",
            "T_ABSENT in the environment",
        ),
        (REST.format("h.example/v1"), ENDPOINT, "the base URL of source asked cannot be parsed", "https://host/api"),
        (
            REST.format("https://me:${T_TOKEN}@h:port/v1"),
            ENDPOINT,
            "the base URL of source asked cannot be parsed",
            "https://host/api",
        ),
        (
            "kind: files, location: '${T_ABSENT}'",
            "products: {files: p, format: csv, load: full, mapping: {product_id: id}}",
            "T_ABSENT is not set",
            "T_ABSENT",
        ),
        ("kind: sql, url: 'postgresql+psycopg://me:${T_TOKEN}@h/db'", TABLE, "", ""),
        (REST.format("https://h/v1"), ENDPOINT, "", ""),
    ],
)
def test_sources_are_checked_without_connecting_or_showing_a_secret(
    home: Home, monkeypatch: pytest.MonkeyPatch, source: str, dataset: str, problem: str, remedy: str
) -> None:
    conf = home.path / "conf"
    conf.mkdir()
    (conf / "sources.yml").write_text(f"sources:\n  asked: {{{source}, datasets: {{{dataset}}}}}\n")
    for name, value in {
        "LAKEHOUSE_CONF": str(conf),
        "T_TOKEN": "s3cret",
        "T_URL": "postgresql+psycopg://me:pass@s3cret:s3cret@h/db",
    }.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    seen = finding("source asked")
    assert seen.is_ok is (not problem)
    assert problem in seen.detail and remedy in seen.remedy
    assert "s3cret" not in f"{seen.detail} {seen.remedy}"


@pytest.mark.parametrize(("kind", "is_ok"), [("sail", True), ("spark", False)])
def test_java_is_missing_only_for_the_engine_that_needs_it(
    home: Home, kind: str, is_ok: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEHOUSE_JAVA_HOME", str(home.path / "no-java"))
    monkeypatch.setenv("LAKEHOUSE_ENGINE", kind)
    settings.cache_clear()
    seen = finding("Java")
    assert seen.is_ok is is_ok
    assert "no-java" in seen.detail


def test_more_memory_than_the_machine_has_fails(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_ENGINE_MEMORY_GB", "100000")
    settings.cache_clear()
    assert not finding("memory").is_ok


def test_full_disk_is_seen(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_FREE_DISK_GB", 1e9)
    assert not finding("disk").is_ok


def test_sample_that_is_built_is_seen(home: Home) -> None:
    (home.path / "sample" / "crm").mkdir(parents=True)
    (home.path / "sample" / "crm" / "contacts.jsonl").write_text("{}\n")
    assert finding("sample") == Finding("sample", True, f"built in {home.path / 'sample'}")


def test_metadata_database_is_read(home: Home) -> None:
    database = home.path / "airflow" / "airflow.db"
    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("create table alembic_version (version_num text)")
        connection.execute("insert into alembic_version values ('abc')")
        connection.commit()
    assert finding("Airflow database").detail.endswith("revision abc")
    database.write_text("not a database, for longer than a header of one would be: " + "x" * 200)
    assert not finding("Airflow database").is_ok


@pytest.mark.parametrize(("host", "is_ok"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("db.lan", False)])
def test_a_host_that_is_not_loopback_is_warned_of(
    home: Home, monkeypatch: pytest.MonkeyPatch, host: str, is_ok: bool
) -> None:
    monkeypatch.setenv("LAKEHOUSE_ENGINE_HOST", host)
    settings.cache_clear()
    seen = finding("host")
    assert seen.is_ok is is_ok and host in seen.detail and "LAKEHOUSE_ENGINE_HOST" in seen.remedy


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_files_of_another_owner_are_named(home: Home) -> None:
    assert finding("owner").is_ok
    folder = home.path / "lake" / "silver"
    folder.mkdir(parents=True)
    os.chown(folder, 65533, -1)
    seen = finding("owner")
    assert not seen.is_ok and f"{folder} (65533)" in seen.detail and "chown" in seen.remedy


def test_a_file_that_may_not_be_read_is_a_finding_and_the_other_checks_go_on(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(home.path))

    monkeypatch.setattr(doctor, "check_layout", refused)
    seen = finding("lake")
    assert not seen.is_ok and f"may not use {home.path}" in seen.detail
    assert finding("Airflow database").is_ok
