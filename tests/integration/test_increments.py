"""Transaction files split anywhere and arriving in any order leave the same silver and gold as one delivery of
everything."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.support.lakes import WRITE_TIME_COLUMNS, difference, result_tables, rows
from tests.support.main_job import Undisturbed, do_data_work
from tests.support.soak import at_length

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [1, *at_length(2, 3, 4, 5)])
def test_split_and_shuffled_deliveries_equal_one_delivery(undisturbed: Undisturbed, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    home = undisturbed.another_home(tmp_path / "home")
    everything, delivered = undisturbed.home.path / "sample", home.path / "sample"
    shutil.copytree(everything, delivered, ignore=shutil.ignore_patterns("*.csv"))
    (delivered / "shop" / "transactions").mkdir(parents=True, exist_ok=True)
    files = sorted(path.relative_to(everything) for path in everything.rglob("*.csv"))
    reference = [path for path in files if path.parts[0] == "crm"]
    daily = [path for path in files if path.parts[0] == "shop"]
    chance.shuffle(daily)
    cuts = sorted(chance.sample(range(1, len(daily)), 2))
    try:
        for part in (reference + daily[: cuts[0]], daily[cuts[0] : cuts[1]], daily[cuts[1] :]):
            for name in part:
                (delivered / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(everything / name, delivered / name)
            do_data_work(home)
    finally:
        home.lakehouse("engine", "stop", check=False)
    names = result_tables(undisturbed.home.lake)
    # The history keeps the versions it saw, so it legitimately depends on when we looked.
    compared = [name for name in names if name != "gold.customer_history"]
    assert {
        name: found
        for name in compared
        if (found := difference(undisturbed.home.lake, home.lake, name, WRITE_TIME_COLUMNS))
    } == {}
    current = "select customer_id from {gold.customer_history} where is_current order by 1"
    assert rows(home.lake, current) == rows(undisturbed.home.lake, current)
