"""DAG sync_profiles: customers of gold that have changed, into the store that the profile API reads."""

from __future__ import annotations

from airflow.sdk import dag

from dags._common import DAG_OPTIONS, GOLD, IS_FULL, stage_task
from lakehouse.contracts import Stage
from lakehouse.orchestration import pools


@dag(dag_id="sync_profiles", schedule=GOLD, params={"full": IS_FULL}, tags=["profiles"], **DAG_OPTIONS)
def sync_profiles() -> None:
    """### Gold to the profile store

    | when | what | how long (sample) |
    |---|---|---|
    | gold was built (asset `gold`) | customers that have changed are written, those who are gone removed | seconds |

    `full` loads all of them again, beside those that are read meanwhile. A run that was killed is run again.
    """
    stage_task(Stage.PROFILES, "profiles", "sync", pool=pools.PROFILES)


sync_profiles()
