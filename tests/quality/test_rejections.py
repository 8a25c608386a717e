"""What of the newest deliveries was rejected: warned of above one share, blocking above another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lakehouse.config.settings import settings
from lakehouse.errors import QualityGateFailed
from lakehouse.quality.dismissals import dismiss
from lakehouse.quality.gate import run_gate
from lakehouse.quality.rejections import rejections_of
from lakehouse.storage.ops_tables import record
from lakehouse.window import BatchWindow
from tests.support.tables import write_quarantine

START, AS_OF = datetime(2017, 1, 1, tzinfo=UTC), datetime(2018, 1, 2, tzinfo=UTC)
SOURCES = """
sources:
  shop:
    kind: files
    location: in
    datasets:
      products:
        files: "*.csv"
        format: csv
        load: increment
        mapping: {product_id: id}
"""
Files = list[tuple[str, str, int]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "sources.yml").write_text(SOURCES)
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    monkeypatch.setenv("LAKEHOUSE_CONF", str(tmp_path / "conf"))
    monkeypatch.delenv("LAKEHOUSE_LAKE_ROOT", raising=False)
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def _deliver(lake: str, day: int, files: Files, dataset: str = "products") -> None:
    """Record files (name, outcome, rows) as delivered by the run of a day."""
    record(
        "files",
        [
            {
                "run_id": f"r{day}",
                "source": "shop",
                "dataset": dataset,
                "file_name": name,
                "content_sha256": f"{name:0<12}beef",
                "outcome": outcome,
                "rows": rows,
                "recorded_at": START + timedelta(days=day),
            }
            for name, outcome, rows in files
        ],
        lake,
    )


def _reject(lake: str, rejected: dict[str, int], dataset: str = "products") -> None:
    """Put the first rows of files into quarantine."""
    rows = [
        {
            "_source": "shop",
            "_source_file": f"{name}@{name:0<12}",
            "_row_number": number,
            "rule_ids": [f"{dataset}.product_id.required"],
            "row_json": "{}",
        }
        for name, count in rejected.items()
        for number in range(1, count + 1)
    ]
    write_quarantine(lake, dataset, rows)


@pytest.mark.parametrize(
    ("files", "rejected", "warning", "blocking"),
    [
        ([("a", "landed", 100)], {}, [], []),
        ([("a", "landed", 100)], {"a": 5}, [], []),
        ([("a", "landed", 100)], {"a": 6}, ["a of shop: 6 of 100 rejected (6%)"], []),
        ([("a", "landed", 100)], {"a": 50}, ["a of shop: 50 of 100 rejected (50%)"], []),
        ([("a", "landed", 4)], {"a": 3}, ["a of shop: 3 of 4 rejected (75%)"], ["a of shop: 3 of 4 rejected (75%)"]),
        ([("a", "landed", 2)], {"a": 2}, ["a of shop: 2 of 2 rejected (100%)"], []),
        (
            [("a", "landed", 1), ("b", "landed", 1), ("c", "landed", 1)],
            {"a": 1, "b": 1, "c": 1},
            [
                "all rows of shop: 3 of 3 rejected (100%)",
                *(f"{name} of shop: 1 of 1 rejected (100%)" for name in "abc"),
            ],
            ["all rows of shop: 3 of 3 rejected (100%)"],
        ),
        (
            [("a", "landed", 1000), ("b", "landed", 10)],
            {"b": 9},
            ["b of shop: 9 of 10 rejected (90%)"],
            ["b of shop: 9 of 10 rejected (90%)"],
        ),
        (
            [("a", "set_aside", 0)],
            {},
            ["new files of shop (set aside, see ops.files): 1 of 1 rejected (100%)"],
            ["new files of shop (set aside, see ops.files): 1 of 1 rejected (100%)"],
        ),
        (
            [("a", "set_aside", 0), ("b", "landed", 10)],
            {},
            ["new files of shop (set aside, see ops.files): 1 of 2 rejected (50%)"],
            [],
        ),
    ],
)
def test_shares_of_the_newest_delivery(
    home: Path, files: Files, rejected: dict[str, int], warning: list[str], blocking: list[str]
) -> None:
    lake = settings().lake
    _deliver(lake, 1, [("old", "landed", 10)])
    _deliver(lake, 2, files)
    _deliver(lake, 3, [("again", "duplicate_delivery", 10)])
    _reject(lake, {"old": 9} | rejected)
    found = rejections_of("products", lake)
    assert ([str(one) for one in found.warning], [str(one) for one in found.blocking]) == (warning, blocking)


def test_a_better_delivery_a_repair_and_a_dismissal_open_the_gate(home: Path) -> None:
    lake = settings().lake
    _deliver(lake, 1, [("a", "landed", 10)])
    _reject(lake, {"a": 9})
    assert rejections_of("products", lake).blocking
    dismiss(lake, "products", "a test delivery", rule="products.product_id.required")
    assert not rejections_of("products", lake).warning
    _deliver(lake, 2, [("b", "landed", 10)])
    _reject(lake, {"a": 9, "b": 8})
    assert rejections_of("products", lake).blocking
    _reject(lake, {"a": 9, "b": 1})
    assert not rejections_of("products", lake).blocking
    _reject(lake, {"a": 9, "b": 8})
    _deliver(lake, 3, [("c", "landed", 10)])
    assert not rejections_of("products", lake).warning


def test_shares_are_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = settings().lake
    _deliver(lake, 1, [("a", "set_aside", 0)])
    monkeypatch.setenv("LAKEHOUSE_REJECTED_BLOCK_SHARE", "1")
    settings.cache_clear()
    found = rejections_of("products", lake)
    assert (len(found.warning), len(found.blocking)) == (1, 0)


def test_sources_that_are_no_longer_declared_count_no_more(home: Path) -> None:
    lake = settings().lake
    _deliver(lake, 1, [("a", "set_aside", 0)])
    (home / "conf" / "sources.yml").write_text(SOURCES.replace("shop:", "other:"))
    assert not rejections_of("products", lake).warning


@pytest.mark.slow
def test_the_gate_tells_and_looks_again_when_a_delivery_changes_only_that(lake: str) -> None:
    def gate(run_id: str) -> tuple[bool, tuple[str, ...]]:
        (outcome,) = run_gate("silver.transactions", BatchWindow.of(START, AS_OF, run_id))
        return outcome.skipped, outcome.warnings

    assert gate("r1") == (False, ())
    assert gate("r2") == (True, ())
    _deliver(lake, 3, [("a", "set_aside", 0)], "transactions")
    with pytest.raises(QualityGateFailed, match=r"transactions\.rows\.accepted_mostly: 1 of 1 rows bad") as blocked:
        gate("r3")
    assert "LAKEHOUSE_REJECTED_BLOCK_SHARE" in blocked.value.remedy
    _deliver(lake, 4, [("b", "landed", 9), ("c", "set_aside", 0)], "transactions")
    skipped, warnings = gate("r4")
    assert not skipped
    assert [warning.partition(": ")[0] for warning in warnings] == ["transactions.rows.accepted"]
    assert "new files of shop (set aside, see ops.files): 1 of 2 rejected" in warnings[0]
    assert gate("r5") == (True, warnings), "it is told until a better delivery comes"
