"""Airflow's metadata database, migrated to the installed version and with the lakehouse's pools in it.

`python -m lakehouse.orchestration.metadata_db` prepares it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
from importlib.metadata import version
from pathlib import Path

from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.orchestration.airflow_config import DATABASE, airflow_home, apply_environment
from lakehouse.orchestration.pools import POOLS

log = logging.getLogger(__name__)


def is_prepared(database: str = DATABASE) -> bool:
    """Whether the database exists, in the installed Airflow's form, with the pools as they are now."""
    marker = _marker(database)
    return (airflow_home() / database).exists() and marker.exists() and marker.read_text(encoding="utf-8") == _wanted()


def prepare(database: str = DATABASE) -> bool:
    """Migrate the database and write the pools, unless that is done; returns whether there was something to do.

    Imports Airflow (seconds) only when there is.
    """
    if is_prepared(database):
        return False
    apply_environment(database)
    from airflow.models.pool import Pool
    from airflow.utils.db import upgradedb

    log.info("preparing the metadata database %s", airflow_home() / database)
    upgradedb()
    for name, (slots, description) in POOLS.items():
        Pool.create_or_update_pool(name=name, slots=slots, description=description, include_deferred=False)
    _marker(database).write_text(_wanted(), encoding="utf-8")
    return True


def end_abandoned_runs(database: str = DATABASE) -> int:
    """Mark runs of a killed `lakehouse run` as failed, so that no scheduler continues them; returns their number."""
    with contextlib.closing(sqlite3.connect(airflow_home() / database, timeout=30)) as connection, connection:
        found = connection.execute(
            "update dag_run set state = 'failed', end_date = run_after"
            " where state in ('running', 'queued') and triggered_by = 'TEST'"
        )
        return found.rowcount


def paused_dags(database: str = DATABASE) -> list[str]:
    """The DAGs that are switched off, as all are at first: what is triggered waits, and no schedule starts them."""
    path = airflow_home() / database
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        running = {dag_id for (dag_id,) in connection.execute("select dag_id from dag where not is_paused")}
    return sorted({file.stem for file in (PROJECT_ROOT / "dags").glob("[a-z]*.py")} - running)


def _marker(database: str) -> Path:
    return airflow_home() / f"{database}.prepared.json"


def _wanted() -> str:
    return json.dumps({"airflow": version("apache-airflow-core"), "pools": POOLS}, sort_keys=True)


if __name__ == "__main__":
    prepare()
