"""Runs the task `approve` as Airflow would, on plans in a home of its own, and says what became of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from deltalake import DeltaTable

from lakehouse.activation.guards.facts import Fired
from lakehouse.activation.planning.send_plan import PlannedRows, SendPlan
from lakehouse.config.settings import settings
from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import apply_environment

NOW = datetime(2026, 11, 27, 8, 40, tzinfo=UTC)
ASKS = (Fired(guard="full_sync", sentence="120 of the 120 customers at mails would be sent again (100 %)"),)


def plan(**changes: Any) -> SendPlan:
    plain = SendPlan(
        export_id="thanks-00002-ab",
        campaign_id="thanks",
        platform="mails",
        target_sha256="ab",
        run_id="pre_send_refresh.r1",
        made_at=NOW,
        send_at=NOW + timedelta(minutes=20),
        deadline=NOW + timedelta(minutes=15),
        rows=PlannedRows(added=0, changed=120, removed=0, unchanged=0, formerly_rejected=0),
        audience=120,
        holdout=0,
        suppressed=0,
        calls={"track": 2},
        bytes=12_345,
        seconds=0,
        settling_seconds=60,
        readiness="eventually",
        ready_at=NOW + timedelta(minutes=1),
        rows_at_risk=0,
        fired=ASKS,
    )
    return plain.model_copy(update=changes)


def main() -> None:
    metadata_db.prepare()
    apply_environment()
    from airflow.sdk.exceptions import AirflowSkipException, TaskAwaitingInput

    from lakehouse.orchestration import approval

    asked: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    ti = SimpleNamespace(
        xcom_push=lambda key, value: kept.update({key: value}), xcom_pull=lambda task_ids, key: kept[key]
    )

    def task() -> approval.ApproveSend:
        return approval.ApproveSend(
            task_id="approve", campaign_id="thanks", window_run_id="pre_send_refresh.r1", params=approval.FORM
        )

    def executed(**conf: bool) -> str:
        context = {"dag_run": SimpleNamespace(conf=conf), "task_instance": SimpleNamespace(id="1"), "ti": ti}
        try:
            with patch(
                "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **given: asked.update(given)
            ):
                task().execute(context)
        except AirflowSkipException as skipped:
            return str(skipped)
        except TaskAwaitingInput:
            return "asked"
        return "passed"

    def answered(option: str, user: dict[str, str] | None, why: str) -> None:
        event = {
            "chosen_options": [option],
            "params_input": {"why": why},
            "responded_at": NOW,
            "responded_by_user": user,
        }
        task().execute_complete({"ti": ti}, event | {"responded_by_user": user})

    folder = settings().outbox / "mails" / "thanks" / "thanks-00002-ab"
    plan(fired=()).write(folder)
    plan(export_id="thanks-00001-cd", run_id="pre_send_refresh.r0").write(folder.parent / "thanks-00001-cd")
    found: dict[str, Any] = {"nothing asked": executed()}
    plan().write(folder)
    found["nobody there"] = executed(nobody_answers=True)
    assert executed() == "asked"
    found["asked"] = {name: asked[name] for name in ("options", "defaults", "subject", "body")}
    plan(run_id="pre_send_refresh.r2").write(folder)  # another run has planned the same
    answered("Reject", None, "")
    plan().write(folder)
    answered("Approve", {"id": "1", "name": "Ada"}, "it is meant")
    found["asked again"] = executed()
    rows = DeltaTable(f"{settings().lake}/ops/approvals").to_pyarrow_table().sort_by("decided_at").to_pylist()
    found["decisions"] = [[row["decision"], row["decided_by"], row["reason"]] for row in rows]
    plans = {
        "deadline": plan(),
        "far deadline": plan(deadline=NOW + timedelta(days=3)),
        "past": plan(deadline=NOW),
        "none": plan(deadline=None),
    }
    found["minutes"] = {name: approval.time_to_answer([one], NOW).total_seconds() / 60 for name, one in plans.items()}
    print(json.dumps(found))  # noqa: T201 - the program's answer


if __name__ == "__main__":
    main()
