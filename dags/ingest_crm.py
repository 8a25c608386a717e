"""DAG ingest_crm: what the CRM knows, from its deliveries to gated silver tables and identities."""

from __future__ import annotations

from airflow.sdk import CronDataIntervalTimetable, dag

from dags._common import DAG_OPTIONS, PARAMS, REFERS_TO, dataset_group, identities_group, watcher
from lakehouse.contracts import DATASETS, STREAMS, Stage

CRM_DATASETS = tuple(name for name in DATASETS if name != "transactions" and name not in STREAMS)


@dag(
    dag_id="ingest_crm",
    schedule=CronDataIntervalTimetable("0 2 * * *", timezone="UTC"),
    params=PARAMS,
    tags=["ingest", "crm"],
    **DAG_OPTIONS,
)
def ingest_crm() -> None:
    """### CRM deliveries to silver

    | when | what | how long (sample) |
    |---|---|---|
    | daily 02:00 UTC | contacts, consents, products, campaigns, members, redemptions: extract, bronze, silver, gate |
      seconds each |
    | gates that look for contacts or campaigns | after silver of those | |
    | after all of them | identities: every identifier to its customer | seconds |
    | then | asset `silver.identities` starts `build_profiles` | |

    A source or a dataset that fails does not stop the others; the run fails. Running it again repeats no finished
    work. Sources know by content and watermark what is new. A backfill loads what is missing and nothing twice, reads
    the rows of its window again where they carry a time (databases, APIs), and its end is the as-of time. Rows that
    break their contract are in `silver.<dataset>_quarantine`.
    """
    groups = {dataset: dataset_group(dataset) for dataset in CRM_DATASETS}
    for dataset, referred in REFERS_TO.items():
        if dataset in groups:
            groups[referred][Stage.SILVER] >> groups[dataset][Stage.GATE]
    identified = identities_group(after=[tasks[Stage.GATE] for tasks in groups.values()])
    [*(task for tasks in groups.values() for task in tasks.values()), identified] >> watcher()


ingest_crm()
