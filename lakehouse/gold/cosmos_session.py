"""Running many small dbt invocations in one process (Cosmos): connected to the engine, and with the project parsed
once, not once a model."""

from __future__ import annotations

import logging
from typing import Any

from lakehouse.config.settings import settings
from lakehouse.errors import TerminalError
from lakehouse.gold.dbt_errors import raise_if_interrupted
from lakehouse.gold.dbt_runner import project_read_ahead
from lakehouse.gold.manifest import PROJECT, manifest_path
from lakehouse.utils.process_tuning import keep_what_is_there
from lakehouse.window import BatchWindow

log = logging.getLogger(__name__)
_parsed: tuple[str, Any] | None = None


def open_for(window: BatchWindow) -> dict[str, str]:
    """Environment variables for dbt in this process to work in `window`; the engine is started if need be.

    The runner that Cosmos keeps per process is given the parsed project, as dbt's documentation of programmatic
    invocations describes: parsing again costs a third of a second a model. The manifest is kept for one run only,
    because dbt keeps compiled SQL in it.
    """
    from cosmos.dbt.runner import get_runner

    from lakehouse.gold.dbt_environment import dbt_environment

    environment = dict(dbt_environment(window))
    runner = get_runner()
    runner.manifest = _manifest_of(window.run_id, environment)
    return environment


def _manifest_of(run_id: str, environment: dict[str, str]) -> Any:
    global _parsed
    if _parsed is None or _parsed[0] != run_id:
        _parsed = (run_id, project_read_ahead() or _parse(environment))
        # Cosmos collects garbage after every invocation; with all of Airflow, dbt and the manifest loaded that is half
        # a second each. What is loaded by now stays for as long as the process does, so it need not be looked at again.
        keep_what_is_there()
    return _parsed[1]


def _parse(environment: dict[str, str]) -> Any:
    """Parse with dbt's partial parsing on top of what manifest_path() left: a third of a second."""
    from cosmos.dbt.project import environ
    from dbt.cli.main import dbtRunner

    folder = manifest_path().parent
    paths = [
        "--project-dir",
        str(PROJECT),
        "--profiles-dir",
        str(PROJECT),
        "--target-path",
        str(folder),
        "--log-path",
        str(settings().logs / "dbt"),
    ]
    with environ(environment):
        done = dbtRunner().invoke(["--quiet", "--no-write-json", "parse", "--target", settings().engine, *paths])
    raise_if_interrupted(done)
    if not done.success:
        raise TerminalError(
            f"the dbt project does not parse: {done.exception}", "Mend the file it names in dbt_project/."
        )
    return done.result
