"""The summary of a run: from rows of the ops tables to JSON and to the terminal."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from rich.console import Console

from lakehouse.config.settings import settings
from lakehouse.errors import RunFailed
from lakehouse.orchestration.report.collect import Clock, collect, program
from lakehouse.orchestration.report.console import progress_on, render
from lakehouse.orchestration.report.models import ALLOWS_PAST_SEND, RunSummary, TaskEvent, TaskFailure
from lakehouse.storage.ops_tables import record
from lakehouse.tables import gold

MOMENT = datetime(2026, 1, 5, 6, tzinfo=UTC)
CLOCK = Clock(
    20.0,
    4.0,
    {"ingest_crm": 10.0, "build_profiles": 5.0},
    {("build_profiles", "models.dim_customers_run"): 2.0, ("build_profiles", "test"): 1.0},
)


def _stage(
    run_id: str, table: str, status: str, counts: tuple[int, int, int, int], message: str | None = None
) -> dict[str, object]:
    names = ("count_read", "count_loaded", "count_quarantined", "count_duplicate")
    row = {
        "run_id": run_id,
        "dag_id": "ingest_crm",
        "stage": "silver",
        "table_name": table,
        "status": status,
        "message": message,
    }
    return row | dict(zip(names, counts, strict=True)) | {"started_at": MOMENT, "finished_at": MOMENT, "seconds": 3.0}


def _summary(failures: tuple[TaskFailure, ...] = ()) -> RunSummary:
    rows = [
        _stage("ingest_crm.mine", "silver.contacts", "success", (10, 7, 2, 1)),
        _stage(
            "ingest_crm.mine", "silver.contacts_quarantine", "warning", (2, 2, 0, 0), "crm/contacts.jsonl was set aside"
        ),
        _stage("ingest_crm.other", "silver.products", "success", (99, 99, 0, 0)),
    ]
    record("runs", rows, settings().lake)
    checks = {"run_id": "ingest_crm.mine", "table_name": "silver.contacts", "severity": "warning", "checked_at": MOMENT}
    record(
        "quality_results",
        [
            checks | {"rule_id": "a", "is_passed": True},
            checks | {"rule_id": "b", "is_passed": False, "count_failed": 4},
        ],
        settings().lake,
    )
    write_deltalake(
        gold("segment_members").location(settings().lake),
        pa.table({"segment": ["loyal", "loyal", "new"], "customer_id": ["c1", "c2", "c3"]}),
    )
    conf = {"as_of": "2018-01-02T00:00:00+00:00", "full": False}
    return collect("spring", conf, MOMENT, ("ingest_crm.mine",), failures, CLOCK)


def test_the_summary_holds_this_run_and_no_other(home: Path) -> None:
    found = _summary()
    assert [
        (line.table, line.count_read, line.count_loaded, line.count_quarantined, line.count_duplicate)
        for line in found.stages
    ] == [
        ("silver.contacts", 10, 7, 2, 1),
        ("silver.contacts_quarantine", 2, 2, 0, 0),
    ]
    assert {name: members for name, members in found.segments.items() if members} == {"loyal": 2, "new": 1}
    assert found.segments["regulars"] == found.segments["quiet_regulars"] == 0
    assert [(gate.table, gate.count_passed, gate.warnings, gate.failures) for gate in found.gates] == [
        ("silver.contacts", 1, (("b", 4),), ())
    ]
    assert found.export is None
    assert found.warnings == ("silver silver.contacts_quarantine: crm/contacts.jsonl was set aside",)


def test_where_the_time_went_adds_up(home: Path) -> None:
    spent = _summary().spent
    assert spent["silver"] == 3.0  # one stage that wrote two tables took its time once
    assert (spent["dbt models"], spent["dbt test"]) == (2.0, 1.0)
    assert sum(spent.values()) == pytest.approx(CLOCK.total)


def test_the_summary_is_json(home: Path) -> None:
    found = json.loads(json.dumps(_summary().to_json()))
    assert found["succeeded"] is True
    assert found["stages"][0]["count_loaded"] == 7


def test_a_failure_makes_the_run_fail_by_name(home: Path) -> None:
    found = _summary((TaskFailure("ingest_crm", "contacts.extract", "source crm: gone. Deliver it."),))
    assert not found.succeeded
    with pytest.raises(RunFailed, match=r"ingest_crm\.contacts\.extract"):
        found.raise_if_failed()


def test_nothing_written_yet_is_a_summary_too(home: Path) -> None:
    found = collect("spring", {"as_of": "2018-01-02T00:00:00+00:00", "full": False}, MOMENT, (), (), CLOCK)
    assert (found.stages, found.gates, found.segments) == ((), (), {})


@pytest.mark.parametrize(
    ("called", "shown"),
    [
        (".venv/bin/lakehouse", ".venv/bin/lakehouse"),
        ("{here}/.venv/bin/lakehouse", ".venv/bin/lakehouse"),
        ("pytest", "lakehouse"),
    ],
)
def test_next_steps_can_be_copied_and_pasted(
    called: str, shown: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [called.format(here=tmp_path), "run"])
    assert program() == shown


@pytest.mark.parametrize(
    ("as_of", "said"),
    [("2018-01-02T00:00:00+00:00", " --as-of 2018-01-02T00:00:00Z"), (f"{MOMENT:%Y-%m-%dT%H:%M:%S}+00:00", "")],
)
def test_next_steps_look_back_from_the_same_moment(home: Path, as_of: str, said: str) -> None:
    asked = {"as_of": as_of, "full": False}
    for conf, command in ((asked, "presend spring"), (asked | {ALLOWS_PAST_SEND: True}, "run --campaign spring")):
        steps = collect("spring", conf, MOMENT, (), (), CLOCK).next_steps
        assert any(step.startswith(f"lakehouse {command}{said}    #") for step in steps), steps


def test_a_person_can_read_it(home: Path) -> None:
    page = Console(file=io.StringIO(), width=100)
    render(_summary((TaskFailure("ingest_crm", "contacts.extract", "source crm: gone. Deliver it."),)), page)
    text = page.file.getvalue()  # type: ignore[attr-defined]
    for words in (
        "silver.contacts ",
        "quarantined",
        "b (4 rows)",
        "loyal",
        "source crm: gone. Deliver it.",
        "What to try next",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("failures", "said"),
    [((), "Succeeded with 1 warning in "), (("contacts.extract",), "1 failed, 1 warning, in ")],
)
def test_the_closing_line_tells_warnings_too(home: Path, failures: tuple[str, ...], said: str) -> None:
    page = Console(file=io.StringIO(), width=100)
    render(_summary(tuple(TaskFailure("ingest_crm", task, "gone") for task in failures)), page)
    assert said in page.file.getvalue()  # type: ignore[attr-defined]


def test_progress_says_how_every_task_ended() -> None:
    page = Console(file=io.StringIO(), width=100)
    say = progress_on(page)
    say(TaskEvent("ingest_crm", "contacts.extract", "started"))
    say(TaskEvent("ingest_crm", "contacts.extract", "failed", 1.5, "source crm: gone"))
    text = page.file.getvalue()  # type: ignore[attr-defined]
    assert "ingest_crm" in text
    assert "1.50 s  failed" in text
    assert "source crm: gone" in text
