"""Gold by dbt: one in-process invocation builds all models, another runs its tests."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.config.settings import settings
from lakehouse.gold.dbt_errors import raise_if_failed
from lakehouse.gold.manifest import PROJECT, manifest_path, parsed_already, target_path
from lakehouse.outcome import TableOutcome
from lakehouse.storage.reader import open_table
from lakehouse.tables import TableRef, gold
from lakehouse.window import BatchWindow

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

log = logging.getLogger(__name__)
_read_ahead: tuple[Path, Manifest] | None = None


def build_gold(window: BatchWindow, select: str | None = None, with_tests: bool = False) -> list[TableOutcome]:
    """Build all models (or those `select` names, in dbt's syntax) as of `window.as_of`; anew when `window.is_full`.

    Returns one outcome per table: `read` = `loaded` = rows it has now, `skipped` when nothing was asked of it. With
    tests, the data tests of each model run in the same invocation, and what depends on a model that fails them is not
    built. Raises GoldBuildFailed, and the engine's errors when it is to blame.
    """
    arguments = ["build", "--resource-type", "model", *(["--resource-type", "test"] if with_tests else [])]
    if select:
        arguments += ["--select", select]
    if window.is_full:
        arguments.append("--full-refresh")
    done = _invoke(arguments, window)
    built = [
        result.node.name
        for result in done.result.results
        if result.status == "success" and result.node.resource_type == "model"
    ]
    log.info("gold: %d tables built", len(built))
    return [_outcome(gold(model)) for model in built]


def warm_up_dbt() -> None:
    """Import dbt and have it read the parsed project: seconds that this process and its forks then save.

    dbt makes its schemas and decoders at first use. Nothing is connected or built. A project that does not parse is
    told by the build.
    """
    global _read_ahead
    from dbt.cli.main import dbtRunner

    read = dbtRunner().invoke(["parse", *_options()])
    if read.success:
        _read_ahead = (manifest_path(), read.result)


def project_read_ahead() -> Manifest | None:
    """What `warm_up_dbt` read, for one taker: dbt notes in it what it compiled, and the next build looks back from
    another moment.

    None when nothing was read, it was taken, or the project is another by now.
    """
    global _read_ahead
    ahead, _read_ahead = _read_ahead, None
    return ahead[1] if ahead is not None and ahead[0] == manifest_path() else None


def check_gold(window: BatchWindow, select: str | None = None) -> int:
    """Run the data tests, or the tests that `select` names (`test_type:unit`: those of the formulas, which need no
    data).

    Returns how many passed. Raises GoldBuildFailed with the names of those that did not.
    """
    done = _invoke(["test", *(["--select", select] if select else ["--exclude-resource-type", "unit_test"])], window)
    return len(done.result.results)


def _invoke(arguments: list[str], window: BatchWindow) -> dbtRunnerResult:
    from dbt.cli.main import dbtRunner

    from lakehouse.gold.dbt_environment import dbt_environment
    from lakehouse.spark.guard import guarded

    with guarded("gold"), _environment(dbt_environment(window)):
        done = dbtRunner(manifest=project_read_ahead()).invoke([*arguments, *_options()])
        raise_if_failed(done, "dbt")
    return done


def _options() -> list[str]:
    paths = {
        "project-dir": PROJECT,
        "profiles-dir": PROJECT,
        "target-path": target_path(),
        "log-path": settings().logs / "dbt",
    }
    places = [part for name, path in paths.items() for part in (f"--{name}", str(path))]
    # Nobody reads the artefacts of a build; the docs task writes its own.
    return ["--target", settings().engine, "--quiet", "--no-write-json", *places, *parsed_already()]


def _outcome(table: TableRef) -> TableOutcome:
    found = open_table(table, settings().lake)
    rows = 0 if found is None else found.count()
    return TableOutcome(table, read=rows, loaded=rows)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """dbt reads its profile and the as-of moment from the environment of this very process; it is put back
    afterwards."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
