"""Calls the task `export` of pre_send_refresh for gold that is its own, and for gold of another run; says which stages
it ran."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

from lakehouse.errors import OtherGoldError
from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import apply_environment


def main() -> None:
    metadata_db.prepare()
    apply_environment()
    from dags import _gold, pre_send_refresh

    def stages_of(error: Exception | None) -> list[str]:
        ran: list[str] = []

        def require_own_gold(window: Any) -> None:
            if error is not None:
                raise error

        def work(stage: str, target: str) -> None:
            ran.append(f"{stage} {target}")

        with (
            patch("lakehouse.activation.export.require_own_gold", require_own_gold),
            patch.object(pre_send_refresh, "current_window", lambda: None),
            patch.object(pre_send_refresh, "get_current_context", lambda: {"params": {"campaign_id": "thanks"}}),
            patch.object(pre_send_refresh, "work", work),
            patch.object(_gold, "work", work),
        ):
            pre_send_refresh.export.function()
        return ran

    print(json.dumps({"own": stages_of(None), "other": stages_of(OtherGoldError("of another day"))}))  # noqa: T201 - the program's answer


if __name__ == "__main__":
    main()
