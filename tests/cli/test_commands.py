"""The command line: help with examples, exit codes, errors with their remedy, only JSON on standard output with
--json."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from lakehouse.activation.campaigns.declared import first_campaign_id
from lakehouse.cli import main
from lakehouse.cli.main import COMMANDS, cli
from lakehouse.config.settings import PROJECT_ROOT, environment_with
from lakehouse.errors import EngineUnavailableError
from lakehouse.orchestration.report.models import Progress, RunSummary, TaskEvent, TaskFailure
from lakehouse.outcome import TableOutcome
from lakehouse.storage.layout_version import record_layout
from lakehouse.storage.ops_tables import record
from lakehouse.tables import silver
from tests.cli.conftest import AT, Lakehouse


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    context = click.Context(group)
    found: list[tuple[str, ...]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found += _commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
    return found


def test_commands_are_pinned() -> None:
    assert [" ".join(path) for path in _commands(cli)] == [
        "run",
        "presend",
        "sample build",
        "sql",
        "status",
        "plan",
        "preview",
        "sources check",
        "sources rename",
        "sources retire",
        "segments list",
        "segments preview",
        "exports approve",
        "exports list",
        "exports rejects",
        "exports replay",
        "exports retry",
        "exports show",
        "why",
        "quarantine dismiss",
        "quarantine list",
        "quarantine replay",
        "quarantine show",
        "gate accept",
        "repair",
        "engine check",
        "engine start",
        "engine status",
        "engine stop",
        "simulate",
        "realtime down",
        "realtime status",
        "realtime up",
        "profiles sync",
        "deadletters list",
        "deadletters replay",
        "deadletters show",
        "keys create",
        "keys list",
        "keys revoke",
        "services down",
        "services status",
        "services topics",
        "services up",
        "up",
        "down",
        "doctor",
    ]


@pytest.mark.parametrize("path", [(), *((noun,) for noun in COMMANDS), *_commands(cli)], ids=" ".join)
def test_every_help_has_an_example_of_that_very_command(lakehouse: Lakehouse, path: tuple[str, ...]) -> None:
    ran = lakehouse(*path, "--help")
    assert ran.code == 0
    assert " ".join(["lakehouse", *path]) in ran.out.partition("Examples:")[2]


def test_help_loads_nothing_heavy() -> None:
    """What keeps `lakehouse --help` under 0.4 s: neither a command nor a library behind it is imported."""
    code = (
        "import sys; from lakehouse.cli import main; main(['--help']); "
        "heavy = {'pydantic', 'duckdb', 'deltalake', 'pyarrow', 'pandas', 'airflow', 'pyspark', 'rich', 'yaml'}; "
        "print([m for m in sys.modules if m.split('.')[0] in heavy], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT_ROOT,
        env=environment_with(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["sql"],
        ["run", "--as-of", "yesterday"],
        ["sample", "build", "--scale", "0"],
        ["sql", "--format", "xml", "select 1"],
    ],
)
def test_wrong_usage_is_exit_code_2(lakehouse: Lakehouse, arguments: list[str]) -> None:
    ran = lakehouse(*arguments)
    assert (ran.code, ran.out) == (2, "") and "Error:" in ran.err


def test_errors_have_their_remedy_and_no_traceback(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise EngineUnavailableError("it is gone")

    monkeypatch.setattr("lakehouse.engine.control.status", fail)
    ran = lakehouse("engine", "status")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "Error: engine: it is gone.\nRun `lakehouse engine status`, then `lakehouse engine start`.\n"
    with pytest.raises(EngineUnavailableError):
        main(["--debug", "engine", "status"])


def test_unexpected_errors_have_no_traceback(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("lakehouse.engine.control.status", fail)
    ran = lakehouse("engine", "status")
    assert ran.code == 1 and "Input/output error" in ran.err and "--debug" in ran.err and "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "run.log"), "No space left on device (run.log)"),
        (
            RuntimeError('IO Error: Could not write file "lines.csv": No space left on device'),
            "No space left on device",
        ),
        (RuntimeError("(sqlite3.OperationalError) database or disk is full"), "database or disk is full"),
    ],
)
def test_a_full_disk_has_its_own_message(
    lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("lakehouse.engine.control.status", fail)
    ran = lakehouse("engine", "status")
    assert ran.code == 1
    assert ran.err.startswith(f"Error: lakehouse engine status: {says}.\nMake room")
    assert "unexpected" not in ran.err


def test_interrupted_is_130(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lakehouse.engine.control.status", interrupt)
    assert lakehouse("engine", "status").code == 130


def test_closed_pipe_is_quiet(lakehouse: Lakehouse) -> None:
    program = "import sys; from lakehouse.cli import main; sys.exit(main())"
    command = f"{sys.executable} -c '{program}' sql --format csv 'from range(200000)' | head -n 1"
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=PROJECT_ROOT,
        env=environment_with(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("range\n", "")


def test_status_as_json(lakehouse: Lakehouse) -> None:
    ran = lakehouse("status", "--json")
    assert (ran.code, ran.err) == (0, "")
    status = json.loads(ran.out)
    customers, runs = status["tables"]
    assert (customers["table"], customers["rows"], customers["version"]) == ("gold.dim_customers", 2, 0)
    assert customers["last_run"] == {
        "stage": "gold",
        "run_id": "r1",
        "status": "success",
        "finished_at": "2018-01-02T03:04:05Z",
        "message": None,
    }
    assert (runs["table"], runs["last_run"]) == ("ops.runs", None)
    committed = datetime.fromisoformat(customers["committed_at"])
    assert abs((datetime.now(UTC) - committed).total_seconds() - customers["age_seconds"]) < 60
    assert [(failed["name"], failed["stage"]) for failed in status["failed"]] == [("silver.contacts", "silver")]


def test_status_for_people(lakehouse: Lakehouse) -> None:
    ran = lakehouse("status")
    assert (
        "gold.dim_customers" in ran.out and "failed: silver of silver.contacts" in ran.out and "engine: gone" in ran.out
    )


@pytest.mark.parametrize(("stage", "is_listed"), [("silver", False), ("gate", True)])
def test_failure_is_listed_until_the_stage_succeeds_on_the_table(
    lakehouse: Lakehouse, stage: str, is_listed: bool
) -> None:
    counts = {"count_read": 0, "count_loaded": 0, "count_quarantined": 0, "count_duplicate": 0}
    later = {
        "run_id": "r2",
        "dag_id": "ingest_crm",
        "started_at": AT + timedelta(days=1),
        "finished_at": AT + timedelta(days=1),
        "seconds": 1.0,
    }
    good = {"stage": stage, "table_name": "silver.contacts", "status": "success", "message": None}
    record("runs", [later | counts | good], str(lakehouse.lake))
    assert bool(json.loads(lakehouse("status", "--json").out)["failed"]) is is_listed


def test_status_of_an_empty_lake(lakehouse: Lakehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lakehouse.config.settings import settings

    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "new"))
    settings.cache_clear()
    assert "`lakehouse run` creates them" in lakehouse("status").out
    assert json.loads(lakehouse("status", "--json").out)["tables"] == []
    ran = lakehouse("sql", "select * from gold.dim_customers")
    assert ran.code == 1 and "`lakehouse run` creates them" in ran.err


def test_engine_status_of_a_stopped_engine(lakehouse: Lakehouse) -> None:
    assert json.loads(lakehouse("engine", "status", "--json").out)["state"] == "stopped"
    assert "engine is stopped" in lakehouse("engine", "status").out


def test_sample_is_built_below_the_home(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Manifest:
        count_lines, rows, files = 7, {"contacts": 3}, {"a": 1}

    def build(target: Path, scale: int, dirty: bool, progress: Any, households: int | None) -> Manifest:
        asked.append((target, scale, dirty))
        progress("writing")
        return Manifest()

    monkeypatch.setattr("lakehouse.sample.build", build)
    ran = lakehouse("sample", "build", "--scale", "3", "--dirty")
    assert asked == [(lakehouse.home / "sample", 3, True)]
    assert "7 transaction lines" in ran.out and ran.err == "writing\n"


@pytest.mark.parametrize("failures", [(), (TaskFailure("build_profiles", "gate", "blocked"),)])
def test_run_prints_json_and_sets_the_exit_code(
    lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch, failures: tuple[TaskFailure, ...]
) -> None:
    asked: list[Any] = []

    def run(campaign_id: str, as_of: datetime | None, is_full: bool, progress: Progress) -> RunSummary:
        asked.append((campaign_id, as_of, is_full))
        progress(TaskEvent("build_profiles", "gate", "succeeded", 1.0))
        return _summary(campaign_id, as_of, is_full, failures)

    monkeypatch.setattr("lakehouse.orchestration.local_run.run", run)
    ran = lakehouse("run", "--as-of", "2018-01-02T01:00:00+01:00", "--full", "--json")
    assert asked == [(first_campaign_id(), datetime(2018, 1, 2, tzinfo=UTC), True)]
    assert json.loads(ran.out)["succeeded"] is not bool(failures) and "build_profiles" in ran.err
    assert ran.code == (1 if failures else 0)
    assert ("failed stages: build_profiles.gate" in ran.err) is bool(failures)
    assert lakehouse("run", "--campaign", "thanks").code == ran.code and asked[1] == ("thanks", None, False)


def _summary(
    campaign_id: str, as_of: datetime | None, is_full: bool, failures: tuple[TaskFailure, ...] = ()
) -> RunSummary:
    told = {"next_steps": ("look", "once more", "up"), "outcome": ("Nothing was sent.",)}
    return RunSummary(
        "sail",
        campaign_id,
        str(as_of),
        is_full,
        "",
        1.0,
        (),
        (),
        (),
        {},
        None,
        failures,
        {},
        {"manifest": "/m"},
        **told,
    )


def test_presend_asks_as_the_trigger_form_does(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def run(
        campaign_id: str, as_of: datetime | None, is_full: bool, progress: Progress, form: dict[str, Any]
    ) -> RunSummary:
        asked.append((campaign_id, as_of, is_full, form))
        return _summary(campaign_id, as_of, is_full)

    monkeypatch.setattr("lakehouse.orchestration.local_run.run", run)
    time = ("--send-at", "2018-01-05 09:00 Europe/Berlin")
    options = ("--destination", "outbox", "--fresh", "crm=6h", "--fresh", "shop=1h", "--dry-run", "--reason", "late")
    ran = lakehouse("presend", "thanks", *time, *options)
    assert ran.code == 0 and "Nothing was sent." in ran.out and "/m" in ran.out and "once more" in ran.out
    form = {"send_at": time[1], "destinations": ["outbox"], "freshness": ["crm=6h", "shop=1h"]}
    assert asked == [("thanks", None, False, form | {"dry_run": True, "reason": "late"})]


def test_presend_refuses_before_anything_starts(lakehouse: Lakehouse) -> None:
    as_of = ("--as-of", "2018-01-02T00:00:00Z")
    for option, says in (
        (("--send-at", "soon", *as_of), "send_at 'soon' is not a valid time"),
        (("--destination", "pigeon", *as_of), "has no destination 'pigeon'"),
        (("--fresh", "crm=soon", *as_of), "'crm=soon' is not a valid limit"),
        ((), "is before the as-of time of the run"),
    ):
        ran = lakehouse("presend", first_campaign_id(), *option)
        assert (ran.code, says in ran.err) == (1, True), ran.err


def test_quarantine_of_a_lake_without_rejected_rows(lakehouse: Lakehouse) -> None:
    assert lakehouse("quarantine", "list").out == "No row is in quarantine.\n"
    assert lakehouse("quarantine", "list", "--json").out == "[]\n"
    assert "No row of contacts" in lakehouse("quarantine", "show", "contacts").out
    ran = lakehouse("quarantine", "show", "contact")
    assert ran.code == 1 and "contacts" in ran.err


def test_replay_is_a_stage_on_record(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "lakehouse.silver.replay.replay",
        lambda dataset, window: TableOutcome(silver(dataset), 5, loaded=3, quarantined=2),
    )
    record_layout("r1", str(lakehouse.lake))
    ran = lakehouse("quarantine", "replay", "contacts", "--json")
    assert json.loads(ran.out) == {
        "table": "silver.contacts",
        "tried": 5,
        "moved": 3,
        "already_there": 0,
        "still_rejected": 2,
    }
    rows = json.loads(
        lakehouse("sql", "--format", "json", "select table_name, count_loaded from ops.runs where stage = 'replay'").out
    )
    assert rows == [{"table_name": "silver.contacts", "count_loaded": 3}]


def test_replay_of_a_dataset_that_does_not_exist_leaves_no_record(lakehouse: Lakehouse) -> None:
    ran = lakehouse("quarantine", "replay", "nosuch")
    assert ran.code == 1 and "unknown dataset" in ran.err and "contacts, consents" in ran.err
    assert "nosuch" not in lakehouse("status").out


def test_doctor_lists_settings(lakehouse: Lakehouse) -> None:
    assert json.loads(lakehouse("doctor", "--settings", "--json").out)["LAKEHOUSE_HOME"] == str(lakehouse.home)


def test_doctor_fails_when_something_is_missing(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    from lakehouse.diagnostics.doctor import Finding

    good, bad = Finding("Python", True, "3.11"), Finding("Java", False, "not found", "Install Java 17.")
    monkeypatch.setattr("lakehouse.diagnostics.doctor.examine", lambda: [good, bad])
    ran = lakehouse("doctor")
    assert ran.code == 1 and "Install Java 17." in ran.out
    assert [finding["is_ok"] for finding in json.loads(lakehouse("doctor", "--json").out)] == [True, False]
    monkeypatch.setattr("lakehouse.diagnostics.doctor.examine", lambda: [good])
    assert lakehouse("doctor").code == 0
