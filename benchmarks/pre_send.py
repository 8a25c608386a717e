"""The pre-send run of one campaign, from new deliveries to the outbox, with a breakdown by stage."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.data_work import deliver_changes
from benchmarks.measure import Measurement

CAMPAIGN = "champions_thank_you"


def pre_send_rows(
    home: Path, scale: int, as_of: str, lakehouse: Callable[..., Measurement]
) -> list[tuple[str, str, str, str]]:
    """Rows of the table: a first run sends everybody, then 1 % of the customers buy something, and a second run is
    measured.

    Args:
        home: LAKEHOUSE_HOME of the commands.
        scale: of the sample.
        as_of: of both runs.
        lakehouse: runs the command with these words, and ends the program when it fails.
    """
    lakehouse("sample", "build", "--scale", str(scale))
    lakehouse("engine", "start")
    run = ("presend", CAMPAIGN, "--as-of", as_of, "--json")
    lakehouse(*run)
    deliver_changes(home / "sample", 0.01)
    measured = lakehouse(*run)
    lakehouse("engine", "stop")
    report = json.loads(next(line for line in reversed(measured.output.splitlines()) if line.startswith("{")))
    seconds = Counter[str]()
    # A stage that writes several tables has a row for each of them, with the same time in all.
    for name, spent in {(stage["stage"], stage["seconds"]) for stage in report["stages"]}:
        seconds[name] += spent
    sent = sum(stage["count_loaded"] for stage in report["stages"] if stage["stage"] == "export")
    what = f"pre-send run, 1 % of customers changed, scale {scale}"
    rows = [(what, f"{measured.seconds:.1f} s, {sent} sent, peak {measured.peak_gib:.1f} GiB", "", "lakehouse presend")]
    rows += [
        (f"  of which {stage}", f"{spent:.1f} s", "", "") for stage, spent in seconds.most_common() if spent >= 0.2
    ]
    rest = measured.seconds - seconds.total()
    return [*rows, ("  of which Airflow, imports, records", f"{rest:.1f} s", "", "")]
