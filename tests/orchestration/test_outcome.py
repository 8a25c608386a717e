"""The outcome of a run: its first line says what was sent, or that nothing was and why; the remedy follows."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lakehouse.activation.export import REMOVALS_ONLY
from lakehouse.activation.ready import READY
from lakehouse.activation.records.approvals import Decision
from lakehouse.activation.records.proofs import Proof, preview_file, proofs
from lakehouse.config.settings import settings
from lakehouse.contracts import Stage
from lakehouse.errors import ExportRefusedError, LakehouseError
from lakehouse.orchestration.report.campaign_pages import export_page, list_page
from lakehouse.orchestration.report.outcome import Failure, outcome_of_export, outcome_of_run
from lakehouse.orchestration.report.run_outcome import log_outcome
from lakehouse.orchestration.stages import run_stage
from lakehouse.storage.layout_version import record_layout
from lakehouse.window import BatchWindow
from tests.activation.conftest import AS_OF, Shop, customer, shop  # noqa: F401 - a fixture

MOMENT = datetime(2018, 1, 2, 8, 30, tzinfo=UTC)
NAMES = (
    *("audience", "holdout", "suppressed", "added", "changed", "removed", "unchanged", "exported", "rejected"),
    "dead_letters",
)
GATE = "QualityGateFailed: quality gate of gold.dim_customers blocked: customer_id.unique (3 rows). See Data Docs."


def proof(tmp_path: Path, status: str = "success", notes: list[str] | None = None, **counts: int) -> Proof:
    """An export whose receipt rejects nobody, unless `counts` say so."""
    rejected = {f"c{at}": "invalid address bob@example.com" for at in range(counts.get("rejected", 0))}
    batch = {"ordinal": 0, "reference": "", "sha256": "", "accepted": counts.get("exported", 0), "rejected": rejected}
    receipt = {"notes": notes or [], "batches": [batch], "suppressed_by_reason": {"no_address": 2}}
    (tmp_path / "receipt.json").write_text(json.dumps(receipt))
    found = dict.fromkeys(NAMES, 0) | counts
    return Proof("thanks-00001-ab", "thanks", "outbox", status, MOMENT, MOMENT, tmp_path / "manifest.json", found)


@pytest.mark.parametrize(
    ("status", "notes", "counts", "verdict", "lines"),
    [
        (
            "success",
            [],
            {"audience": 1204, "added": 1200, "changed": 4, "removed": 6, "exported": 1210},
            "good",
            ["Sent: 1,210 customers of campaign thanks to outbox (1,200 new, 4 changed, 6 removed)."],
        ),
        (
            "success",
            [],
            {"audience": 5, "unchanged": 5},
            "good",
            [
                "Nothing was sent of campaign thanks to outbox, because nothing changed: outbox has 5 customers as they"
                " are now."
            ],
        ),
        (
            "success",
            ["recency_days changes as time passes"],
            {"audience": 1, "added": 1, "exported": 1},
            "warn",
            ["Sent: 1 customer of campaign thanks to outbox (1 new).", "recency_days changes as time passes"],
        ),
        (
            "success",
            [],
            {"audience": 10, "added": 10, "exported": 8, "rejected": 2},
            "warn",
            [
                "Sent in part: 8 customers of campaign thanks to outbox; it rejected 2.",
                "Its reasons: invalid address <address> (2).",
                "They are tried again with the next export.",
            ],
        ),
        (
            "success",
            [],
            {"audience": 2, "added": 2, "rejected": 2},
            "warn",
            ["Nothing was accepted of campaign thanks to outbox: it rejected all 2."],
        ),
        (
            "success",
            [],
            {},
            "warn",
            ["Nothing was sent of campaign thanks to outbox: the audience is empty.", "Check the segment"],
        ),
        (
            "success",
            [],
            {"audience": 3, "holdout": 1, "suppressed": 2},
            "good",
            ["Nothing was sent of campaign thanks to outbox: of 3 in the audience 1 are held out and 2 suppressed."],
        ),
        (
            "refused",
            ["ExportRefusedError: the audience is empty. Set allow_empty_audience."],
            {"removed": 3, "exported": 3},
            "bad",
            [
                "Nothing was sent of campaign thanks to outbox: the export was refused. Who must not be written to"
                " was removed all the same: 3 customers.",
                "the audience is empty. Set allow_empty_audience.",
            ],
        ),
        (
            "failed",
            ["DiskFullError: the disk is full. Make room."],
            {"audience": 9, "added": 9, "exported": 4},
            "bad",
            [
                "Only 4 of 9 were sent of campaign thanks to outbox: the export failed.",
                "the disk is full. Make room.",
                "Run it again: who was acknowledged is not sent again.",
            ],
        ),
        (
            "failed",
            [],
            {"audience": 9, "added": 9},
            "bad",
            ["Nothing was sent of campaign thanks to outbox: the export failed."],
        ),
    ],
)
def test_the_outcome_of_an_export(
    tmp_path: Path, status: str, notes: list[str], counts: dict[str, int], verdict: str, lines: list[str]
) -> None:
    found = outcome_of_export(proof(tmp_path, status, notes, **counts))
    assert found.verdict == verdict
    assert len(found.lines) >= len(lines)
    for told, expected in zip(found.lines, lines, strict=False):
        assert told.startswith(expected), told


def test_a_blocked_run_says_which_gate_and_who_was_removed(tmp_path: Path) -> None:
    removals = proof(tmp_path, notes=[REMOVALS_ONLY], removed=2, exported=2)
    for export, more in ((None, ""), (removals, " Who must not be written to was removed all the same: 2 customers.")):
        found = outcome_of_run("thanks", [export] if export else [], [Failure("gate of gold.dim_customers", GATE)])
        assert (found.verdict, *found.lines) == (
            "bad",
            f"Nothing was sent of campaign thanks, because something failed before it.{more}",
            "gate of gold.dim_customers: quality gate of gold.dim_customers blocked: customer_id.unique (3 rows). See"
            " Data Docs.",
        )


def test_a_run_without_export_and_without_failure_says_where_to_look() -> None:
    first, second = outcome_of_run("thanks", [], []).lines
    assert first == "Nothing was sent of campaign thanks, because the export did not run."
    assert "skipped or stopped" in second


def test_many_failures_are_counted() -> None:
    lines = outcome_of_run("thanks", [], [Failure(f"extract of s{at}", "SourceError: gone.") for at in range(6)]).lines
    assert lines[1:] == ("extract of s0: gone.", "extract of s1: gone.", "extract of s2: gone.", lines[4])
    assert lines[4].startswith("3 more failed")


def test_a_dry_run_says_that_it_was_one() -> None:
    done = outcome_of_run("thanks", [], [], is_dry_run=True)
    assert (done.verdict, *done.lines) == (
        "good",
        "Nothing was sent of campaign thanks: this was a dry run. It is done: what would be sent is in the preview.",
    )
    failed = outcome_of_run("thanks", [], [Failure("preview", "DiskFullError: full. Make room.")], is_dry_run=True)
    assert (failed.verdict, failed.lines[1]) == ("bad", "preview: full. Make room.")


def test_every_destination_has_its_outcome_and_the_worst_counts(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    sent = replace(proof(tmp_path / "a", added=1, exported=1), platform="first")
    failed = replace(proof(tmp_path / "b", "failed", ["SourceError: gone."], added=2), platform="second")
    found = outcome_of_run("thanks", [sent, failed], [Failure("export", "SourceError: gone.")])
    assert (found.verdict, *found.lines) == (
        "bad",
        "Sent: 1 customer of campaign thanks to first (1 new).",
        "Nothing was sent of campaign thanks to second: the export failed.",
        "gone.",
        "Run it again: who was acknowledged is not sent again.",
    )


def test_a_task_that_was_killed_has_no_error() -> None:
    assert str(Failure("task export", "")) == "task export failed, see its log"


def test_a_failure_beside_an_export_is_told_after_it(tmp_path: Path) -> None:
    sent = proof(tmp_path, added=1, exported=1)
    found = outcome_of_run("thanks", [sent], [Failure("preview", "DiskFullError: full. Make room.")])
    assert found.verdict == "bad"
    assert found.lines == (
        "Sent: 1 customer of campaign thanks to outbox (1 new).",
        "preview: full. Make room.",
    )


def _run(stage: Stage) -> None:
    window = BatchWindow(AS_OF, AS_OF, "pre_send_refresh.r1", AS_OF)
    record_layout("test", settings().lake)
    with contextlib.suppress(LakehouseError):
        run_stage(stage, "thanks", window)


def test_a_run_tells_its_own_export_and_where_it_is(
    shop: Shop,  # noqa: F811 - the fixture
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    _run(Stage.PREVIEW)
    _run(Stage.EXPORT)
    log_outcome("thanks", "pre_send_refresh.r1", {})
    messages = [record.getMessage() for record in caplog.records if record.name.endswith("run_outcome")]
    (receipt,) = shop.receipts()
    page = f"http://127.0.0.1:{settings().airflow_port}/lakehouse/campaigns/exports/{receipt['export_id']}"
    assert messages[0] == "Sent: 2 customers of campaign thanks to outbox (2 new)."
    assert messages[1:] == [
        f"page: {page}",
        f"files: {shop.home}/outbox/outbox/thanks/{receipt['export_id']}",
        f"preview: {page}/preview",
    ]
    later = log_outcome("thanks", "pre_send_refresh.r2", {"gate_gold": "failed", "outcome": "running"})
    assert later.lines[0] == "Nothing was sent of campaign thanks, because something failed before it."
    assert later.lines[1] == "task gate_gold failed, see its log"


def test_a_template_that_is_not_valid_is_told_with_its_line(shop: Shop) -> None:  # noqa: F811 - the fixture
    (shop.conf / "templates").mkdir()
    (shop.conf / "templates" / "thanks.liquid").write_text("---\nsubject: Hi\n---\n{{ nobody }}")
    _run(Stage.PREVIEW)
    found = log_outcome("thanks", "pre_send_refresh.r1", {"preview": "failed"})
    assert "thanks.liquid:4: the campaign has no attribute 'nobody'" in found.lines[1]
    assert "Expected: one of" in found.lines[1]


def test_a_refused_export_is_told_as_refused_with_the_remedy(shop: Shop) -> None:  # noqa: F811 - the fixture
    _run(Stage.EXPORT)
    shop.customers(customer("c1"), members=[])
    window = BatchWindow(AS_OF, AS_OF, "pre_send_refresh.r2", AS_OF)
    with pytest.raises(ExportRefusedError):
        run_stage(Stage.EXPORT, "thanks", window)
    found = log_outcome("thanks", "pre_send_refresh.r2", {"export": "failed"})
    assert found.lines[0].startswith("Nothing was sent of campaign thanks to outbox: the export was refused.")
    assert "allow_empty_audience" in found.lines[1]
    assert len(found.lines) == 2, "once"


def test_the_pages_tell_reasons_and_versions_and_no_personal_data(shop: Shop) -> None:  # noqa: F811 - the fixture
    shop.suppress("c2@example.com")
    shop.customers(customer("c1"), customer("c2"), customer("c3", email=None))
    _run(Stage.PREVIEW)
    shop.export()
    (export,) = proofs(str(shop.lake), shop.home / "outbox")
    (export.manifest_file.parent / READY).write_text(json.dumps({"ready_at": MOMENT.isoformat()}))
    page = export_page(export, Decision(True, "Grace", MOMENT, "it is <meant>"))
    for told in (
        ", usable there since 2018-01-02 08:30 UTC",
        "approved by Grace at 2018-01-02 08:30 UTC: it is &lt;meant&gt;",
        "Sent: 1 customer of campaign thanks to outbox (1 new).",
        "unsubscribed, bounced, complained or erased (gold.suppressions)",
        "no e-mail address is known",
        "gold.dim_customers",
        f'href="{export.export_id}/preview"',
    ):
        assert told in page, told
    listed = list_page([export], [])
    assert listed.count('<th class="number">') == listed.count('<td class="number">') == 10
    assert f'href="exports/{export.export_id}"' in listed
    for text in (page, listed):
        assert "@example.com" not in text and "Ada" not in text and "<script" not in text


def test_a_receipt_that_is_gone_leaves_a_page_with_what_is_known(shop: Shop) -> None:  # noqa: F811 - the fixture
    shop.export()
    (export,) = proofs(str(shop.lake), shop.home / "outbox")
    shutil.rmtree(export.manifest_file.parent)
    assert "Sent: 2 customers" in export_page(export)
    assert proofs(str(shop.lake), shop.home / "outbox", export_id="other") == []


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    hostile: Any = replace(proof(tmp_path, added=1, exported=1), campaign_id="<script>alert(1)</script>")
    for page in (export_page(hostile), list_page([hostile], [])):
        assert "<script" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize("name", ["..", "*", "../thanks", "thanks/*", ""])
def test_a_preview_is_found_by_the_id_of_its_export_only(tmp_path: Path, name: str) -> None:
    (tmp_path / "outbox" / "thanks" / "thanks-1").mkdir(parents=True)
    (tmp_path / "outbox" / "thanks" / "thanks-1" / "preview.html").write_text("x")
    assert preview_file(tmp_path, "thanks-1") is not None
    assert preview_file(tmp_path, name) is None


def test_nothing_exported_yet_is_a_page_too(tmp_path: Path) -> None:
    assert proofs(str(tmp_path / "lake"), tmp_path / "outbox") == []
    assert "Nothing was exported yet" in list_page([], [])
