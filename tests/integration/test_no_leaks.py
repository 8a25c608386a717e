"""Canaries: addresses and keys in everything that comes in. Every kind of failure is provoked, and none of them is in a
log, an ops table or on the terminal. Without an engine; what engines and Airflow say is looked at where they run."""

from __future__ import annotations

import gzip
import logging
import pkgutil
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pyarrow as pa
import pytest
import sqlalchemy as sa
import yaml
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from pyspark.errors import AnalysisException

from lakehouse.cli import main
from lakehouse.config.settings import environment_secrets, settings
from lakehouse.contracts import OPS_TABLES, Stage
from lakehouse.errors import LakehouseError, SourceUnavailableError, TerminalError
from lakehouse.gold.dbt_errors import GoldBuildFailed, raise_if_failed
from lakehouse.orchestration.stages import run_stage
from lakehouse.outcome import TableOutcome
from lakehouse.storage.table import Table
from lakehouse.tables import ops, silver
from lakehouse.utils.log_records import clean_log_records
from lakehouse.window import BatchWindow
from tests.sources.api import Answer, serve
from tests.sources.conftest import Home, parquet_bytes
from tests.support.homes import free_ports

WORD, ADDRESS, KEY = "canaryword7", "canary7@leak.example", "canarykey7/0123456789"
NAMED_FILE = f"{ADDRESS}\n\x1b[2JError: forged\x1b[0m.csv"
MAPPING = {"mapping": {"product_id": "id", "name": "name"}, "load": "increment"}
WINDOW = BatchWindow.of(datetime(2018, 1, 2, tzinfo=UTC), datetime(2018, 1, 2, tzinfo=UTC), "run-1")


class Failing(NamedTuple):
    """A source that fails; `words` is what is said of it. `file` is delivered to it, or `answer` by its API."""

    words: str
    declared: dict[str, Any] = {}
    file: bytes | None = None
    name: str = "p.csv"
    answer: Answer | None = None


def _csv(words: str, text: str, **more: Any) -> Failing:
    return Failing(words, {"format": "csv", **more}, text.encode())


def _api(words: str, answer: Answer | None, **more: Any) -> Failing:
    return Failing(words, more, answer=answer)


FAILING = {
    "ragged": _csv("line 3 has 3 fields", f"id,name\n1,{WORD}\n2,{ADDRESS},x\n"),
    "twice": _csv("two columns are called '<address>'", f"{ADDRESS},{ADDRESS}\n1,2\n"),
    "quoted": _csv("text after a closing quote", f'id,name\n1,"{WORD}"{ADDRESS}\n'),
    "encoded": _csv("it is not ascii", f"id,name\n1,{WORD}\xe9", csv={"encoding": "ascii"}),
    "headless": _csv("none of the mapped columns is there", f"{WORD},{ADDRESS}\n1,2\n"),
    "named": Failing("missing columns: name", {"format": "csv"}, b"id\n1\n", NAMED_FILE),
    "cut": Failing("is not JSON", {"format": "jsonl"}, f'{{"id": "1", "name": "{ADDRESS}", {WORD}'.encode(), "p.jsonl"),
    "no_list": Failing("is not JSON", {"format": "jsonl"}, f"[{{}} {WORD} {ADDRESS}".encode(), "p.jsonl"),
    "packed": Failing("it is not gzip", {"format": "jsonl"}, f"{WORD} {ADDRESS}".encode(), "p.jsonl.gz"),
    "packed_cut": Failing("to its end", {"format": "csv"}, gzip.compress(WORD.encode())[:-6], "p.csv.gz"),
    "no_parquet": Failing("not a whole Parquet file", {"format": "parquet"}, f"PAR1{ADDRESS}".encode(), "p.parquet"),
    "unforeseen": Failing(
        "cannot be read: KeyError in test_no_leaks.py",
        {"format": "parquet"},
        parquet_bytes(pa.table({"id": [WORD]})),
        "p.pq",
    ),
    "down": _api("cannot be reached: ConnectionError", None),
    "broken": _api("answers 500", Answer({"error": ADDRESS}, 500)),
    "refused": _api("answers 403", Answer({"error": ADDRESS}, 403)),
    "in_error": _api("has no list of objects", Answer({"error": f"{WORD} {ADDRESS}"})),
    "no_json": _api("does not answer with", Answer(f"<html>{WORD} {ADDRESS}</html>".encode())),
    "moved": _api("leads to another address", Answer({}, 302, {"Location": f"http://127.0.0.1:9/{WORD}?e={ADDRESS}"})),
    "no_header": _api("cannot be reached: InvalidHeader", Answer([]), headers={"X-Token": "${CANARY_LINES}"}),
}


def _declare(home: Home, api: str) -> dict[str, Any]:
    sources: dict[str, Any] = {}
    for name, failing in FAILING.items():
        if failing.file is not None:
            home.deliver(f"in/{name}/{failing.name}", failing.file)
            products = {"files": "*"} | failing.declared | MAPPING
            sources[name] = {"kind": "files", "location": f"in/{name}", "datasets": {"products": products}}
            continue
        port = free_ports(1)[0]
        sources[name] = {
            "kind": "rest",
            "base_url": f"{api}/{name}" if failing.answer else f"http://me:${{CANARY_IN_URL}}@127.0.0.1:{port}/{name}",
            "auth": {"kind": "bearer", "token": "${CANARY_TOKEN}"},
            "headers": {"X-Key": "${CANARY_KEY}"},
            "attempts": 2,
            "longest_wait_seconds": 0.01,
            "datasets": {
                "products": {
                    "path": "products",
                    "params": {"api_key": "${CANARY_KEY}", "owner": ADDRESS, "who": WORD},
                    "pagination": {"kind": "none"},
                    **MAPPING,
                    "load": "full",
                }
            },
        } | failing.declared
    database = home.path / "shop.db"
    with sqlite3.connect(database) as connection:
        connection.execute("create table stored (id text, name text)")
        connection.execute("insert into stored values ('1', ?)", (f"{WORD} {ADDRESS}",))
        connection.execute("create view products as select id, json_extract('{}', name) as name from stored")
    table = {"datasets": {"products": {"table": "products", **MAPPING, "load": "full"}}}
    sources["values"] = {"kind": "sql", "url": f"sqlite:///{database}"} | table
    closed = (
        f"postgresql+psycopg://me:${{CANARY_IN_URL}}@127.0.0.1:{free_ports(1)[0]}/crm?sslpassword=${{CANARY_TOKEN}}"
    )
    sources["closed"] = {"kind": "sql", "url": closed} | table
    sources["no_url"] = {"kind": "sql", "url": "${CANARY_LINES}"} | table
    return sources


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home whose environment has canaries, and whose log takes every record of this process."""
    (tmp_path / "conf").mkdir()
    for name, value in {"HOME": tmp_path, "CONF": tmp_path / "conf"}.items():
        monkeypatch.setenv(f"LAKEHOUSE_{name}", str(value))
    monkeypatch.delenv("LAKEHOUSE_LAKE_ROOT", raising=False)
    settings.cache_clear()
    monkeypatch.setenv("CANARY_KEY", KEY)
    monkeypatch.setenv("CANARY_IN_URL", quote(KEY, safe=""))
    monkeypatch.setenv("CANARY_TOKEN", f"{WORD}token")
    monkeypatch.setenv("CANARY_LINES", f"{KEY}\n{ADDRESS}")
    clean_log_records(environment_secrets())
    Container()[PluggableRunContext]  # dlt loads Airflow, which sets up logging anew
    log = tmp_path / "logs" / "all.log"
    log.parent.mkdir()
    handler, root = logging.FileHandler(log), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield Home(tmp_path)
    root.removeHandler(handler)
    root.setLevel(level)
    handler.close()
    settings.cache_clear()


def _found(text: str) -> str:
    at = text.lower().find("canary")
    return text[max(at - 300, 0) : at + 100] if at >= 0 else ""


def _assert_clean(home: Home, said: str = "") -> None:
    """No canary in the logs, in ops tables or in `said`; the names of files are data of ops.files."""
    texts = {str(path): path.read_text(encoding="utf-8") for path in (home.path / "logs").rglob("*") if path.is_file()}
    for name in OPS_TABLES:
        if (rows := Table(ops(name), settings().lake).rows()) is not None:
            kept = [column for column in rows.column_names if (name, column) != ("files", "file_name")]
            texts[f"ops.{name}"] = str(rows.select(kept).to_pylist())
    leaks = {place: found for place, text in (texts | {"said": said}).items() if (found := _found(text))}
    assert leaks == {}
    assert "\x1b" not in said + "".join(texts.values()), "no terminal sequence of a name"


@pytest.mark.slow
def test_sources_that_fail_in_every_way(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unforeseen(*_: Any) -> None:
        raise KeyError(f"{WORD} {ADDRESS}")

    with serve() as api:
        api.wants, api.answer = None, lambda path, _: FAILING[path.split("/")[1]].answer or Answer([])
        sources = _declare(home, api.url)
        monkeypatch.setattr(
            "lakehouse.sources.file_rows.read_parquet",
            lambda *given: unforeseen() if given[1] == "p.pq" else _read_parquet(*given),
        )
        home.declare(yaml.safe_dump({"sources": sources}, sort_keys=False))
        with pytest.raises(LakehouseError) as failed:
            run_stage(Stage.EXTRACT, "products", WINDOW)
    said = str(failed.value)
    for name, failing in FAILING.items():
        assert failing.words in said, f"{name} failed in another way"
    assert "source values: sqlite database: OperationalError (SQLITE_ERROR)." in said
    main(["status"])
    main(["sources", "check", "named"])
    printed = capsys.readouterr()
    shown = "".join(traceback.format_exception(failed.value)) + printed.out + printed.err
    assert r"\x1b[2JError: forged" in shown and "\nError: forged" not in shown
    _assert_clean(home, shown)


def _read_parquet(*arguments: Any) -> Any:
    from lakehouse.formats.parquet import read_parquet

    return read_parquet(*arguments)


def _chained(error: Exception) -> Callable[..., list[TableOutcome]]:
    def stage(*_: Any) -> list[TableOutcome]:
        try:
            raise ValueError(f"{WORD} {ADDRESS} {KEY}")
        except ValueError as cause:
            raise error from cause

    return stage


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError(f"{WORD}{ADDRESS}"), "KeyError in test_no_leaks.py"),
        (AnalysisException(f"[CAST_INVALID_INPUT] The value '{WORD}'"), "AnalysisException"),
        (pa.ArrowInvalid(f"Failed to parse {WORD}"), "ArrowInvalid"),
        (sa.exc.DataError(f"select '{WORD}'", {"x": ADDRESS}, ValueError(ADDRESS)), "DataError"),
        (
            TerminalError(f"of {ADDRESS}", "See http://h/?token=canarytoken7&page=2."),
            "of <address>. See http://h/?token=***",
        ),
        (SourceUnavailableError("s", f"postgresql://me:{WORD}@h/db", "Wait."), "postgresql://***@h/db"),
    ],
)
def test_stages_that_fail_in_every_way(
    home: Home, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(pkgutil, "resolve_name", lambda name: _chained(error))
        with pytest.raises(LakehouseError) as failed:
            run_stage(Stage.GATE, str(silver("contacts")), WINDOW)
    logging.getLogger("airflow.task").error("Task failed with exception", exc_info=failed.value)
    (row,) = Table(ops("runs"), settings().lake).rows().to_pylist()  # type: ignore[union-attr]
    assert words in row["message"]
    _assert_clean(home, "".join(traceback.format_exception(failed.value)))


def test_dbt_says_what_failed_without_values() -> None:
    class Done:
        success, result = False, None
        exception = RuntimeError(f"Runtime Error in model m\n  Cannot cast string '{WORD}' to `spend` of {ADDRESS}")

    with pytest.raises(GoldBuildFailed) as failed:
        raise_if_failed(Done(), "m")  # type: ignore[arg-type]
    assert "Cannot cast string '...' to `spend` of <address>" in str(failed.value)


WRONG = {
    "a literal key": "kind: rest\n    base_url: https://h/?api_key=canarykey7\n",
    "a literal password": "kind: sql\n    url: postgresql://me:canaryword7@h/db\n",
    "a literal token": "kind: rest\n    base_url: https://h/\n    auth: {kind: bearer, token: canaryword7}\n",
    "no mapping of SQL": "kind: files\n    location: in\n    datasets:\n      products:\n        files: '*'\n"
    "        format: csv\n        load: full\n        mapping:\n          product_id: id\n"
    f"          name: {{expression: \"lower('{ADDRESS}'\"}}\n",
    "no such variable": "kind: sql\n    url: ${CANARYLESS}\n    datasets: {products: {table: t, load: full, mapping:"
    " {product_id: id}}}\n",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_configuration_that_is_wrong_in_every_way(home: Home, capsys: pytest.CaptureFixture[str], wrong: str) -> None:
    home.declare(f"sources:\n  shop:\n    {WRONG[wrong]}")
    assert main(["sources", "check", "shop"]) == 1
    printed = capsys.readouterr()
    assert "sources.yml" in printed.out + printed.err
    _assert_clean(home, (printed.out + printed.err).replace("CANARYLESS", ""))


def test_the_command_line_tells_the_kind_of_an_error_nobody_foresaw(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakehouse.diagnostics.table_status.lake_status", _chained(KeyError(WORD)))
    assert main(["status"]) == 1
    printed = capsys.readouterr()
    assert "lakehouse status failed unexpectedly: KeyError in test_no_leaks.py" in printed.err
    _assert_clean(home, printed.out + printed.err)
