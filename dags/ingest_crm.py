"""DAG ingest_crm: what the CRM knows, from its deliveries to gated silver tables and identities."""

from __future__ import annotations

from airflow.sdk import CronDataIntervalTimetable, dag

from dags._common import DAG_OPTIONS, PARAMS, dataset_group, identities_group, watch

DATASETS = ("contacts", "consents", "products", "campaigns", "campaign_members", "redemptions")


@dag(dag_id="ingest_crm", schedule=CronDataIntervalTimetable("0 2 * * *", timezone="UTC"), params=PARAMS, tags=["ingest", "crm"], **DAG_OPTIONS)
def ingest_crm() -> None:
    """### CRM deliveries to silver

    | when | what | how long (sample) |
    |---|---|---|
    | daily 02:00 UTC | contacts, consents, products, campaigns, members, redemptions: extract, bronze, silver, gate | seconds each |
    | after all of them | identities: every identifier to its customer | seconds |
    | then | asset `silver.identities` starts `build_profiles` | |

    A dataset that fails does not stop the others; the run ends red. Running it again repeats no finished work.
    A backfill passes its data interval to the sources. Rows that break their contract are in `silver.<dataset>_quarantine`.
    """
    gates = [dataset_group(dataset) for dataset in DATASETS]
    identified = identities_group(after=gates)
    [*gates, identified] >> watch()


ingest_crm()
