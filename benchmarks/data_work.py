"""The data work alone, without Airflow: from dumps to gold by the same stage functions, each timed. Prints JSON.

Two datasets at a time, in two processes, as the scheduler does on two cores: `all` is the wall time, which is less than
the sum of the stages. What the scheduler imports before its first task is timed as `imports`, which is not part of
`all`.

`python -m benchmarks.data_work [--full] [--changed-share 0.01] [--stages extract bronze ...]` works in the
LAKEHOUSE_HOME of its environment, with a running engine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from lakehouse.config.settings import settings
from lakehouse.contracts import DATASETS, Stage
from lakehouse.gold.build import build_outdated
from lakehouse.orchestration.stages import run_stage
from lakehouse.orchestration.warm_up import warm_up
from lakehouse.utils.process_tuning import collect_rarely
from lakehouse.window import BatchWindow

DATASET_STAGES = (Stage.EXTRACT, Stage.BRONZE, Stage.SILVER)
SILVER_STAGES = (*DATASET_STAGES, Stage.IDENTITIES)
ALL_STAGES = (*SILVER_STAGES, Stage.GOLD)
LONGEST_FIRST = sorted(DATASETS, key=lambda name: name != "transactions")
AS_OF = datetime(2018, 1, 2, tzinfo=UTC)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--full", action="store_true")
    arguments.add_argument(
        "--changed-share", type=float, default=0.0, help="first deliver one new line for this share of the customers"
    )
    arguments.add_argument("--stages", nargs="+", type=Stage, default=ALL_STAGES, choices=ALL_STAGES)
    arguments.add_argument("--as-of", type=datetime.fromisoformat, default=AS_OF)
    chosen = arguments.parse_args()
    if chosen.changed_share:
        deliver_changes(settings().home / "sample", chosen.changed_share)
    now = datetime.now(UTC)
    window = BatchWindow.of(
        datetime(2017, 1, 1, tzinfo=UTC), now, f"bench-{now:%Y%m%dT%H%M%S%f}", chosen.as_of, chosen.full
    )
    seconds: dict[str, float] = {}
    collect_rarely()
    _timed(seconds, "imports", partial(warm_up, chosen.stages))
    started = time.monotonic()
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as workers:
        for done in workers.map(
            partial(_dataset, [stage for stage in chosen.stages if stage in DATASET_STAGES], window), LONGEST_FIRST
        ):
            seconds |= done
    if Stage.IDENTITIES in chosen.stages:
        _timed(seconds, "identities", lambda: run_stage(Stage.IDENTITIES, "identities", window))
    if Stage.GOLD in chosen.stages:
        _timed(seconds, "gold", lambda: build_outdated(window))
    seconds["all"] = time.monotonic() - started
    print(json.dumps({name: round(value, 3) for name, value in seconds.items()}))


def _dataset(stages: list[Stage], window: BatchWindow, dataset: str) -> dict[str, float]:
    seconds: dict[str, float] = {}
    try:
        for stage in stages:
            _timed(seconds, f"{stage} {dataset}", partial(run_stage, stage, dataset, window))
    except Exception as error:  # errors of this project cannot be unpickled in the parent process
        raise RuntimeError(f"{dataset}: {error}") from error
    return seconds


def _timed(seconds: dict[str, float], name: str, work: Callable[[], object]) -> None:
    started = time.monotonic()
    work()
    seconds[name] = time.monotonic() - started


def deliver_changes(sample: Path, share: float) -> None:
    """Add a transaction file with one new line for every customer of the given share (by contact id modulo)."""
    ids = sorted(
        int(json.loads(line)["id"])
        for line in (sample / "crm" / "contacts.jsonl").read_text(encoding="utf-8").splitlines()
    )
    step = max(1, round(1 / share))
    newest = sorted((sample / "shop" / "transactions").glob("*.csv"))[-1]
    header = newest.read_text(encoding="utf-8").splitlines()[0].split(",")
    stamp = datetime.now(UTC).strftime("%H%M%S%f")
    lines = [",".join(header)]
    for contact in ids[::step]:
        row = {
            "basket_id": f"bench{stamp}{contact}", "line": "1", "ref_type": "crm_id", "customer_ref": str(contact),
            "product_id": "1082185", "quantity": "1", "sales_value": "1.00", "discount": "0.00", "currency": "USD",
            "store_id": "367", "sold_at": "2018-01-01 12:00:00", "exported_at": "2018-01-02 03:00:00",
        }  # fmt: skip
        lines.append(",".join(row[name] for name in header))
    newest.with_name(f"bench-{stamp}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
