"""Runs campaign_calendar twice over one send that is due; says which runs of pre_send_refresh it began, and how each
task ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from lakehouse.activation.presend.calendar import Due, Send
from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.gold.dbt_manifest import dbt_manifest_path
from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import apply_environment

SEND_AT = datetime(2018, 1, 5, 8, tzinfo=UTC)


def main() -> None:
    metadata_db.prepare()
    apply_environment()
    dbt_manifest_path()
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    folder = PROJECT_ROOT / "dags"
    bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "dags-folder", None)
    send = Send("coupon_lovers_new_year", SEND_AT, timedelta(hours=1))
    found = Due(begin=(send,), late=(send,), missed=())
    with create_session() as session:
        before = {run_id for (run_id,) in session.query(DagRun.run_id)}
    ended = list[dict[str, Any]]()
    for is_paused in (True, False, False):
        with create_session() as session:
            session.get(DagModel, "pre_send_refresh").is_paused = is_paused  # type: ignore[union-attr]
        with patch("lakehouse.activation.presend.calendar.look", lambda looked_at, now: found):
            run = bag.dags["campaign_calendar"].test()
        ended.append({task.task_id: str(task.state) for task in run.get_task_instances()})
    with create_session() as session:
        runs = session.query(DagRun).filter(DagRun.dag_id == "pre_send_refresh").all()
        begun = {run.run_id: run.conf for run in runs if run.run_id not in before}
    print(json.dumps({"ended": ended, "begun": begun}))  # noqa: T201 - the program's answer


if __name__ == "__main__":
    main()
