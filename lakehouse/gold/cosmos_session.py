"""Cosmos runs one dbt invocation per model in a process: here it gets the engine and the manifest of the run."""

from __future__ import annotations

from lakehouse.gold.dbt_manifest import dbt_manifest
from lakehouse.utils.process_tuning import keep_what_is_there
from lakehouse.window import BatchWindow


def open_for(window: BatchWindow) -> dict[str, str]:
    """Environment variables for dbt in this process to work in `window`; the engine is started if need be.

    The dbtRunner that Cosmos keeps per process gets the manifest of the run, as dbt's documentation of programmatic
    invocations describes: parsing again costs a third of a second per model.
    """
    from cosmos.dbt.project import environ
    from cosmos.dbt.runner import get_runner

    from lakehouse.gold.dbt_environment import dbt_environment

    environment = dict(dbt_environment(window))
    runner = get_runner()
    with environ(environment):
        manifest = dbt_manifest(window.run_id)
    if runner.manifest is not manifest:
        runner.manifest = manifest
        # Cosmos collects garbage after every invocation; with all of Airflow, dbt and the manifest loaded that takes
        # half a second. What is loaded by now stays for as long as the process does, so it need not be looked at again.
        keep_what_is_there()
    return environment
