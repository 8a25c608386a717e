"""Gold by dbt, in this process: one invocation builds the models and, if asked, runs their data tests."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakehouse.config.settings import settings
from lakehouse.gold.dbt_errors import raise_if_failed
from lakehouse.gold.dbt_manifest import dbt_manifest
from lakehouse.gold.dbt_project import dbt_options
from lakehouse.outcome import TableOutcome
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, gold
from lakehouse.window import BatchWindow

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult

log = logging.getLogger(__name__)


def build_gold(window: BatchWindow, select: str | None = None, with_tests: bool = False) -> list[TableOutcome]:
    """Build models as of `window.as_of`.

    Args:
        window: The run; `is_full` builds incremental models from all customers.
        select: Models to build, in dbt's syntax; None for all.
        with_tests: Run the data tests of each model too. What depends on a model that fails them is not built.

    Returns:
        One outcome per table built: `read` = `loaded` = rows it has now.

    Raises:
        GoldBuildFailed: A model or test failed because of the data or the project.
        LakehouseError: The engine or the disk failed.
    """
    arguments = ["build", "--resource-type", "model", *(["--resource-type", "test"] if with_tests else [])]
    if select:
        arguments += ["--select", select]
    if window.is_full:
        arguments.append("--full-refresh")
    done = run_dbt(arguments, window)
    built = [
        result.node.name
        for result in done.result.results
        if result.status == "success" and result.node.resource_type == "model"
    ]
    log.info("gold: %d tables built", len(built))
    return [_outcome(gold(model)) for model in built]


def run_dbt(arguments: list[str], window: BatchWindow) -> dbtRunnerResult:
    """Invoke dbt on the running engine, with the window's as-of moment; raises what `build_gold` raises."""
    from dbt.cli.main import dbtRunner

    from lakehouse.gold.dbt_environment import dbt_environment
    from lakehouse.spark.guard import guarded

    with guarded("gold"), _environment(dbt_environment(window)):
        # Only the docs task needs dbt's artefacts, and it writes its own.
        done = dbtRunner(manifest=dbt_manifest()).invoke([*arguments, "--no-write-json", *dbt_options()])
        raise_if_failed(done, "dbt")
    return done


def _outcome(table: TableRef) -> TableOutcome:
    found = Table(table, settings().lake).delta
    rows = 0 if found is None else found.count()
    return TableOutcome(table, read=rows, loaded=rows)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """dbt reads its profile and the as-of moment from the environment of this process; it is restored afterwards."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
