"""DAG ingest_transactions: what was bought, from the shop's deliveries to a gated silver table and identities."""

from __future__ import annotations

from airflow.sdk import CronDataIntervalTimetable, dag

from dags._common import DAG_OPTIONS, PARAMS, dataset_group, identities_group, watcher
from lakehouse.contracts import Stage


@dag(
    dag_id="ingest_transactions",
    schedule=CronDataIntervalTimetable("15 * * * *", timezone="UTC"),
    params=PARAMS,
    tags=["ingest", "shop"],
    **DAG_OPTIONS,
)
def ingest_transactions() -> None:
    """### Shop deliveries to silver

    | when | what | how long (sample) |
    |---|---|---|
    | hourly at :15 | transaction lines: extract, bronze, silver, gate | seconds for a day, about ten for a year |
    | then | identities: references that no contact has become customers of their own | seconds |
    | then | asset `silver.identities` starts `build_profiles` | |

    Late and corrected lines may come at any time, in any order: a newer `updated_at` wins.
    """
    tasks = dataset_group("transactions")
    identified = identities_group(after=[tasks[Stage.GATE]])
    [*tasks.values(), identified] >> watcher()


ingest_transactions()
