"""What a stage leaves in ops.runs when it fails: the tables it would have written, by name."""

from __future__ import annotations

import pkgutil
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakehouse.config.settings import settings
from lakehouse.contracts import Stage
from lakehouse.diagnostics.table_status import lake_status
from lakehouse.errors import ContractError, SourceUnavailableError, StageTimeoutError, TerminalError
from lakehouse.orchestration.stages import STAGES, run_stage, written_tables
from lakehouse.outcome import TableOutcome
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, ops, silver
from lakehouse.window import BatchWindow

MOMENT = datetime(2018, 1, 2, tzinfo=UTC)
SOURCES = """
sources:
  crm:
    kind: files
    location: in
    datasets: {products: &products {files: p.csv, format: csv, load: full, mapping: {product_id: id}}}
  shop: {kind: files, location: in, datasets: {products: *products}}
"""


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home in which two sources deliver products; returns its conf."""
    for name, value in {"HOME": tmp_path, "CONF": tmp_path / "conf"}.items():
        monkeypatch.setenv(f"LAKEHOUSE_{name}", str(value))
    monkeypatch.delenv("LAKEHOUSE_LAKE_ROOT", raising=False)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "sources.yml").write_text(SOURCES)
    settings.cache_clear()
    yield tmp_path / "conf"
    settings.cache_clear()


def run(
    stage: str, target: str, result: TableOutcome | Exception, monkeypatch: pytest.MonkeyPatch, run_id: str = "r1"
) -> None:
    """Run a stage that ends with `result`: an outcome, or an error."""

    def work(*_: object) -> list[TableOutcome]:
        if isinstance(result, Exception):
            raise result
        return [result]

    with monkeypatch.context() as patch:
        patch.setattr(pkgutil, "resolve_name", lambda name: work)
        with pytest.raises(type(result)) if isinstance(result, Exception) else nullcontext():
            run_stage(Stage(stage), target, BatchWindow.of(MOMENT, MOMENT, run_id), "ingest_crm")


@pytest.mark.parametrize(
    ("stage", "target", "tables"),
    [
        ("extract", "products", ["bronze.crm_products", "bronze.shop_products"]),
        ("bronze", "products", ["bronze.crm_products", "bronze.shop_products"]),
        ("silver", "products", ["silver.products"]),
        ("replay", "products", ["silver.products"]),
        ("identities", "identities", ["silver.identities"]),
        ("gate", "silver.products", ["silver.products"]),
        ("gold", "build", ["gold.dim_customers"]),
        ("export", "spring", ["ops.exports"]),
    ],
)
def test_a_failed_stage_is_recorded_under_the_tables_it_writes(
    conf: Path, monkeypatch: pytest.MonkeyPatch, stage: str, target: str, tables: list[str]
) -> None:
    run(stage, target, TerminalError("it broke", "Mend it."), monkeypatch)
    recorded = Table(ops("runs"), settings().lake).rows()
    assert recorded is not None
    assert sorted(recorded["table_name"].to_pylist()) == tables
    assert set(recorded["status"].to_pylist()) == {"failed"}
    assert set(recorded["message"].to_pylist()) == {"TerminalError: it broke. Mend it."}


def test_a_source_that_fails_is_recorded_for_its_own_table(conf: Path) -> None:
    assert written_tables(Stage.EXTRACT, "products", SourceUnavailableError("shop", "gone", "Wait.").source) == [
        "bronze.shop_products"
    ]


def test_what_other_sources_brought_is_recorded_beside_the_one_that_failed(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = SourceUnavailableError("crm", "gone", "Wait.")
    error.outcomes = (
        TableOutcome(
            TableRef.parse("bronze.shop_products"), 3, 3, warnings=("1 file of shop set aside: x.csv (truncated)",)
        ),
    )
    run("extract", "products", error, monkeypatch)
    recorded = Table(ops("runs"), settings().lake).rows()
    assert recorded is not None
    rows = {row["table_name"]: (row["status"], row["count_loaded"], row["message"]) for row in recorded.to_pylist()}
    assert rows == {
        "bronze.crm_products": ("failed", 0, "SourceUnavailableError: source crm: gone. Wait."),
        "bronze.shop_products": ("warning", 3, "1 file of shop set aside: x.csv (truncated)"),
    }


def test_what_cannot_be_named_is_called_by_its_target(conf: Path) -> None:
    assert written_tables(Stage.EXTRACT, "weather") == ["weather"]
    assert written_tables(Stage.EXTRACT, "contacts") == ["contacts"]
    (conf / "sources.yml").write_text("sources: [")
    assert written_tables(Stage.BRONZE, "products") == ["products"]


def test_every_stage_is_a_function_outside_the_command_line(conf: Path) -> None:
    assert not [name for name in STAGES.values() if name.startswith("lakehouse.cli")]
    for name in STAGES.values():
        assert callable(pkgutil.resolve_name(name.format(target="products")))


def test_status_names_the_last_failure_of_a_table_until_that_stage_succeeds(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when another run of the same DAG, which did not touch the table, has ended well since."""
    run("silver", "products", ContractError("products", "a column is gone", "Mend it."), monkeypatch)
    run("silver", "contacts", TableOutcome(silver("contacts")), monkeypatch, "r2")
    run("gate", "silver.products", TableOutcome(silver("products")), monkeypatch, "r2")
    ((table, failure),) = lake_status(settings().lake).failed
    assert (table, failure.stage, failure.run_id) == ("silver.products", "silver", "r1")
    assert failure.message == "ContractError: dataset products: a column is gone. Mend it."
    run("silver", "products", TableOutcome(silver("products")), monkeypatch, "r3")
    assert lake_status(settings().lake).failed == ()


def test_failures_of_a_source_that_is_declared_no_more_are_no_news(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing() -> list[str]:
        return [name for name, _ in lake_status(settings().lake).failed]

    run("extract", "products", TableOutcome(TableRef.parse("bronze.shop_products")), monkeypatch)
    run("bronze", "products", SourceUnavailableError("shop", "gone", "Wait."), monkeypatch, "r2")
    run("extract", "products", SourceUnavailableError("crm", "gone", "Wait."), monkeypatch, "r3")
    assert failing() == ["bronze.shop_products", "bronze.crm_products"]
    (conf / "sources.yml").write_text("sources: [")
    assert failing() == ["bronze.shop_products", "bronze.crm_products"]
    (conf / "sources.yml").write_text("\n".join(line for line in SOURCES.splitlines() if "shop:" not in line))
    assert failing() == ["bronze.crm_products"]


def test_a_stage_that_takes_too_long_is_ended_and_recorded(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_STAGE_TIMEOUT_HOURS", str(0.1 / 3600))
    settings.cache_clear()
    monkeypatch.setattr(pkgutil, "resolve_name", lambda name: lambda target, window: time.sleep(60))
    with pytest.raises(StageTimeoutError, match="silver products took longer than"):
        run_stage(Stage.SILVER, "products", BatchWindow.of(MOMENT, MOMENT, "r1"))
    recorded = Table(ops("runs"), settings().lake).rows()
    assert recorded is not None
    assert recorded["status"].to_pylist() == ["failed"]
    assert "raise LAKEHOUSE_STAGE_TIMEOUT_HOURS" in recorded["message"].to_pylist()[0]
