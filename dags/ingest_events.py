"""DAG ingest_events: what people did on a site, from the messages of the streaming job to a gated silver table."""

from __future__ import annotations

from airflow.sdk import CronDataIntervalTimetable, dag, task

from dags._common import DAG_OPTIONS, PARAMS, configured, dataset_group, watcher
from lakehouse.contracts import Stage
from lakehouse.utils.foreign_errors import only_own_errors


@task.short_circuit(do_xcom_push=False)
@only_own_errors("are_delivered")
def are_delivered() -> bool:
    """Skips the rest where there are no events: the streaming job never ran, and no source delivers any."""
    from lakehouse.landing.source_history import known_feeds

    with configured():
        return bool(known_feeds("web_events"))


@dag(
    dag_id="ingest_events",
    schedule=CronDataIntervalTimetable("45 * * * *", timezone="UTC"),
    params=PARAMS,
    tags=["ingest", "events"],
    **DAG_OPTIONS,
)
def ingest_events() -> None:
    """### Events to silver

    | when | what | how long |
    |---|---|---|
    | hourly at :45 | stop here where there are no events | a moment |
    | then | web events: what the streaming job wrote since the last run, each event once; gate | a second per 50,000 |
    | then | asset `silver.web_events` starts `build_profiles` | |

    Events may come late, twice and in any order. Messages that cannot be read are in `silver.web_events_quarantine`.
    """
    delivered, tasks = are_delivered(), dataset_group("web_events")
    delivered >> tasks[Stage.EXTRACT]
    [delivered, *tasks.values()] >> watcher()


ingest_events()
