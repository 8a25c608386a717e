"""A dump with planted defects: every one is found where it belongs, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.data_work import SILVER_STAGES
from lakehouse.config.feeds import read_feeds
from lakehouse.quality import rejections
from lakehouse.sample.ground_truth import GroundTruth, read_ground_truth
from tests.support.engines import ENGINE_MEMORY_GB
from tests.support.homes import ROOT, Home
from tests.support.lakes import rows
from tests.support.main_job import do_data_work

pytestmark = pytest.mark.slow

HOUSEHOLDS = 120


@pytest.fixture(scope="module")
def loaded(engine: Home) -> tuple[Home, GroundTruth]:
    """A home with a dirty sample loaded up to silver, and what was planted in it."""
    engine.lakehouse("sample", "build", "--households", str(HOUSEHOLDS), "--dirty")
    do_data_work(engine, "--stages", *SILVER_STAGES, LAKEHOUSE_ENGINE_MEMORY_GB=ENGINE_MEMORY_GB)
    return engine, read_ground_truth(engine.path / "sample")


def test_counts_of_every_dataset(loaded: tuple[Home, GroundTruth]) -> None:
    home, truth = loaded
    for dataset, expected in truth.expected.items():
        stage = f"from {{ops.runs}} where stage = 'silver' and table_name = 'silver.{dataset}'"
        counts = rows(home.lake, f"select sum(count_read), sum(count_quarantined), sum(count_duplicate) {stage}")[0]
        assert tuple(map(int, counts)) == (expected.read, expected.quarantined, expected.duplicates), dataset
        assert rows(home.lake, f"select count(*) from {{silver.{dataset}}}")[0][0] == expected.loaded, dataset


def test_files_set_aside_and_repeated(loaded: tuple[Home, GroundTruth]) -> None:
    home, truth = loaded
    counted = ", ".join(
        f"count(*) filter (outcome = '{outcome}')" for outcome in ("landed", "set_aside", "duplicate_delivery")
    )
    found = rows(home.lake, f"select dataset, {counted} from {{ops.files}} group by 1")
    assert {row[0]: row[1:] for row in found} == {
        name: (e.files_landed, e.files_set_aside, e.files_repeated) for name, e in truth.expected.items()
    }


def test_every_planted_row_is_in_quarantine_with_all_its_rules_and_no_other(loaded: tuple[Home, GroundTruth]) -> None:
    home, truth = loaded
    planted = {
        (d.dataset, Path(d.file).name, d.row_number, tuple(sorted(d.rule_ids)))
        for d in truth.defects
        if d.is_quarantined
    }
    found = set()
    for dataset, expected in truth.expected.items():
        if (home.lake / "silver" / f"{dataset}_quarantine").exists():
            rejected = rows(
                home.lake, f"select _source_file, _row_number, rule_ids from {{silver.{dataset}_quarantine}}"
            )
            found |= {
                (dataset, Path(file.rsplit("@", 1)[0]).name, number, tuple(sorted(rules)))
                for file, number, rules in rejected
            }
        else:
            assert expected.quarantined == 0, dataset
    assert found == planted


def test_net_amount_to_the_cent_and_unknown_products(loaded: tuple[Home, GroundTruth]) -> None:
    home, truth = loaded
    assert rows(home.lake, "select sum(net_amount) from {silver.transactions}")[0][0] == truth.net_amount
    unknown = rows(
        home.lake,
        "select product_id, count(*) from {silver.transactions} as lines"
        " anti join {silver.products} as products using (product_id) group by 1",
    )
    assert dict(unknown) == truth.unknown_products_of_the_data | truth.unknown_products_planted


def test_defects_of_a_usual_share_block_nothing(
    loaded: tuple[Home, GroundTruth], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, truth = loaded
    declared = read_feeds(ROOT / "conf" / "sources.yml")
    monkeypatch.setattr(rejections, "feeds", lambda dataset: [feed for feed in declared if feed.dataset == dataset])
    blocking = {dataset: rejections.rejections_of(dataset, str(home.lake)).blocking for dataset in truth.expected}
    assert {dataset: found for dataset, found in blocking.items() if found} == {}
