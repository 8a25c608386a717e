"""run_gate: blocked, warned, passed, skipped; what it records and where the pages are."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakehouse.errors import ContractError, QualityGateFailed
from lakehouse.quality import gate as gate_module
from lakehouse.quality.gate import load_gate, run_gate
from lakehouse.quality.gx import data_docs
from lakehouse.quality.gx.data_docs import site_folder
from lakehouse.quality.verdicts import latest_gates
from lakehouse.silver.ensure_tables import ensure_silver_tables
from lakehouse.storage.accepted_losses import accept_losses
from lakehouse.storage.table import Table
from lakehouse.tables import ops, silver
from lakehouse.window import BatchWindow
from tests.support.tables import Row, row, write

START, AS_OF = datetime(2017, 1, 1, tzinfo=UTC), datetime(2018, 1, 2, tzinfo=UTC)


def window(run_id: str, as_of: datetime = AS_OF, is_full: bool = False) -> BatchWindow:
    return BatchWindow.of(START, as_of, run_id, is_full=is_full)


def results(lake: str, run_id: str, table: str) -> dict[str, dict[str, Any]]:
    """Rule id -> recorded finding; fails when a rule was recorded twice."""
    found = Table(ops("quality_results"), lake).rows()
    rows = [] if found is None else [r for r in found.to_pylist() if (r["run_id"], r["table_name"]) == (run_id, table)]
    assert len({r["rule_id"] for r in rows}) == len(rows)
    return {r["rule_id"]: r for r in rows}


def counted_measures(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rules each look at the engine measured, filled as gates run."""
    looks: list[int] = []
    measure = gate_module.measure

    def counted(rules: Any, *others: Any) -> Any:
        looks.append(len(list(rules)))
        return measure(rules, *others)

    monkeypatch.setattr(gate_module, "measure", counted)
    return looks


def test_good_table_passes_and_every_finding_is_recorded(lake: str) -> None:
    (outcome,) = run_gate("silver.transactions", window("r2"))
    assert (outcome.table, outcome.warnings, outcome.skipped) == (silver("transactions"), (), False)
    found = results(lake, "r2", "silver.transactions")
    assert found.keys() == {rule.id for rule in load_gate("silver.transactions").rules}
    assert all(finding["is_passed"] for finding in found.values())
    assert found["transactions.key.unique"]["observed"] == "0 of 1 rows bad"
    assert found["transactions.key.unique"]["expected"] == "no rows"
    assert found["transactions.product_id.references_share"]["expected"] == "share <= 0.05"


def test_blocked_gate_names_rules_and_rows_after_recording(lake: str) -> None:
    contact = row("silver.contacts", country="usa")
    write(
        lake,
        "silver.contacts",
        [contact, contact | {"contact_id": "2", "_source": "erp"}, contact | {"contact_id": "2", "country": "US"}],
    )
    with pytest.raises(QualityGateFailed) as blocked:
        run_gate("silver.contacts", window("r2"))
    assert blocked.value.failures == [("contacts.country.pattern", 2), ("contacts.contact_id.unique", 1)]
    said = "contacts.country.pattern: 2 of 3 rows bad; from erp (1), shop (1) (expected: country looks like [A-Z]{2})"
    assert said in str(blocked.value)
    found = results(lake, "r2", "silver.contacts")
    assert (found["contacts.country.pattern"]["count_failed"], found["contacts.country.pattern"]["severity"]) == (
        2,
        "blocking",
    )
    assert latest_gates(lake)["silver.contacts"].failures == (
        ("contacts.contact_id.unique", 1),
        ("contacts.country.pattern", 2),
    )


@pytest.mark.parametrize(
    ("table", "right", "wrong"),
    [
        ("silver.contacts", "keeps its last good content", "exported"),
        ("gold.dim_customers", "nothing was exported", "keeps its"),
    ],
)
def test_blocked_gate_says_what_became_of_gold(table: str, right: str, wrong: str) -> None:
    remedy = QualityGateFailed(table, [("some.rule", 1)]).remedy
    assert right in remedy and wrong not in remedy and "run again" in remedy


def test_blocked_gate_looks_again_and_opens_when_fixed(lake: str) -> None:
    write(lake, "silver.products", [row("silver.products"), row("silver.products")])
    for run_id in ("r2", "r3"):
        with pytest.raises(QualityGateFailed):
            run_gate("silver.products", window(run_id))
    write(lake, "silver.products", [row("silver.products")])
    run_gate("silver.products", window("r4"))
    assert not latest_gates(lake)["silver.products"].is_blocked


def test_warning_is_an_outcome_not_an_error(lake: str) -> None:
    known = [row("silver.transactions", transaction_id=f"t{n}") for n in range(40)]
    delivered = [row("bronze.shop_transactions", basket_id=f"t{n}", _row_number=n) for n in range(41)]
    write(lake, "bronze.shop_transactions", delivered)
    write(lake, "silver.transactions", [*known, row("silver.transactions", transaction_id="t40", product_id="p9")])
    (outcome,) = run_gate("silver.transactions", window("r2"))
    (warning,) = outcome.warnings
    assert (
        warning == "transactions.product_id.references: 1 of 41 rows bad; 1 unknown keys of shop"
        " (expected: product_id is known in"
        " silver.products)"
    )
    assert latest_gates(lake)["silver.transactions"].warnings == (("transactions.product_id.references", 1),)


def test_unchanged_table_is_skipped_and_its_findings_recorded_for_the_run(
    lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(lake, "silver.products", [row("silver.products", category=None)])
    first = run_gate("silver.products", window("r2"))
    looks = counted_measures(monkeypatch)
    second = run_gate("silver.products", window("r3", AS_OF + timedelta(days=1)))
    assert looks == []
    assert (second[0].skipped, second[0].warnings) == (True, first[0].warnings)
    before, after = results(lake, "r2", "silver.products"), results(lake, "r3", "silver.products")
    same = ("is_passed", "count_checked", "count_failed", "observed", "severity")
    assert {rule: [finding[name] for name in same] for rule, finding in after.items()} == {
        rule: [finding[name] for name in same] for rule, finding in before.items()
    }
    assert latest_gates(lake)["silver.products"].run_id == "r3"


def test_only_rules_about_time_are_measured_when_only_time_passed(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run_gate("silver.contacts", window("r2"))
    looks = counted_measures(monkeypatch)
    (outcome,) = run_gate("silver.contacts", window("r3", AS_OF + timedelta(days=5)))
    assert (looks, outcome.skipped, outcome.warnings) == ([1], True, ())
    assert results(lake, "r3", "silver.contacts")["contacts.updated_at.fresh"]["observed"] == "156.00 hours"


def test_table_that_grew_stale_is_looked_at_in_full(lake: str) -> None:
    run_gate("silver.contacts", window("r2"))
    (outcome,) = run_gate("silver.contacts", window("r3", AS_OF + timedelta(days=90)))
    assert not outcome.skipped
    assert outcome.warnings[0].startswith("contacts.updated_at.fresh: 2,196.00 hours")


@pytest.mark.parametrize("table", ["silver.transactions", "silver.products", "bronze.shop_transactions"])
def test_change_of_any_table_that_the_rules_read_is_looked_at(lake: str, table: str) -> None:
    run_gate("silver.transactions", window("r2"))
    write(lake, table, [row(table)])
    (outcome,) = run_gate("silver.transactions", window("r3"))
    assert not outcome.skipped


def test_changed_rules_are_looked_at(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run_gate("silver.products", window("r2"))
    gate = load_gate("silver.products")
    stricter = replace(gate, rules=(*gate.rules[:-1], replace(gate.rules[-1], maximum=0.1)))
    monkeypatch.setattr(gate_module, "load_gate", lambda target: stricter)
    (outcome,) = run_gate("silver.products", window("r3"))
    assert not outcome.skipped


def test_gate_that_runs_again_in_a_run_replaces_its_findings(lake: str) -> None:
    write(lake, "silver.products", [row("silver.products"), row("silver.products")])
    with pytest.raises(QualityGateFailed):
        run_gate("silver.products", window("r2"))
    run_gate("silver.campaigns", window("r2"))
    write(lake, "silver.products", [row("silver.products")])
    run_gate("silver.products", window("r2"))
    run_gate("silver.products", window("r2"))
    assert results(lake, "r2", "silver.products")["products.product_id.unique"]["is_passed"]
    assert len(results(lake, "r2", "silver.campaigns")) == len(load_gate("silver.campaigns").rules)


def test_table_that_lost_rows_blocks_a_rebuild_too_unless_that_was_accepted(lake: str) -> None:
    write(lake, "silver.products", [row("silver.products", product_id=f"p{n}") for n in range(10)])
    run_gate("silver.products", window("r2"))
    write(lake, "silver.products", [row("silver.products", product_id=f"p{n}", _is_deleted=n >= 8) for n in range(10)])
    for is_full in (False, True):
        with pytest.raises(QualityGateFailed) as blocked:
            run_gate("silver.products", window("r3", is_full=is_full))
        assert blocked.value.failures == [("products.rows.kept", 2)]
    remedy = "If the missing rows were deleted on purpose, run `lakehouse gate accept silver.products --reason ...`"
    assert remedy in blocked.value.remedy
    accept_losses([silver("products")], "sold out", lake)
    (outcome,) = run_gate("silver.products", window("r4"))
    assert outcome.warnings == ()


def test_emptied_table_is_not_taken_for_one_without_history(lake: str) -> None:
    run_gate("silver.products", window("r2"))
    write(lake, "silver.products", [])
    with pytest.raises(QualityGateFailed) as blocked:
        run_gate("silver.products", window("r3"))
    assert blocked.value.failures == [("products.rows.kept", 1)]


def test_fewer_people_are_no_loss_where_the_inputs_explain_it_and_lost_contacts_are(lake: str) -> None:
    """A repaired snapshot brings contacts back, and two people turn out to be one again."""

    def identities(*identifiers: int) -> list[Row]:
        return [row("silver.identities", identifier=str(n), customer_id=f"c{n}") for n in identifiers]

    write(lake, "silver.contacts", [row("silver.contacts", contact_id=str(n)) for n in range(1, 11)])
    write(lake, "silver.identities", identities(*range(1, 16)))
    run_gate("silver.identities", window("r2"))
    write(lake, "silver.identities", identities(*range(1, 11)))
    (outcome,) = run_gate("silver.identities", window("r3"))
    assert [warning.partition(":")[0] for warning in outcome.warnings] == ["identities.rows.kept"]
    write(lake, "silver.identities", identities(*range(1, 9)))
    with pytest.raises(QualityGateFailed) as blocked:
        run_gate("silver.identities", window("r4"))
    assert blocked.value.failures == [("identities.contacts.complete", 2)]


def test_who_says_yes_again_is_not_missed_and_a_lost_complaint_is(lake: str) -> None:
    """The withdrawal of somebody who grants again leaves the list; that is a matter of silver.consents."""
    complained = row("gold.suppressions", address="eve@example.com", reason="complained")
    withdrawn = [row("gold.suppressions", address=f"w{number}@example.com") for number in range(9)]
    write(lake, "gold.suppressions", [row("gold.suppressions"), complained, *withdrawn])
    run_gate("gold.suppressions", window("r2"))
    write(lake, "gold.suppressions", [row("gold.suppressions"), complained])
    run_gate("gold.suppressions", window("r3"))
    write(lake, "gold.suppressions", [row("gold.suppressions"), *withdrawn])
    with pytest.raises(QualityGateFailed) as blocked:
        run_gate("gold.suppressions", window("r4"))
    assert blocked.value.failures == [("suppressions.undeliverable.kept", 1)]


def test_references_to_a_table_that_does_not_exist_yet_only_warn(lake: str) -> None:
    write(lake, "silver.products", [])
    (outcome,) = run_gate("silver.transactions", window("r2"))
    assert outcome.warnings[0].startswith("transactions.product_id.references: 1 of 1 rows bad")


def test_table_that_no_source_delivers_is_skipped(lake: str) -> None:
    shutil.rmtree(f"{lake}/silver/redemptions")
    (outcome,) = run_gate("silver.redemptions", window("r2"))
    assert (outcome.skipped, outcome.warnings) == (True, ())


def test_table_that_a_declared_source_never_delivered_is_a_warning_not_a_block(lake: str) -> None:
    shutil.rmtree(f"{lake}/silver/transactions")
    ensure_silver_tables(lake)
    (outcome,) = run_gate("silver.transactions", window("r2"))
    assert (outcome.skipped, outcome.warnings) == (
        True,
        ("silver.transactions is empty: nothing was delivered for it yet",),
    )


def test_table_without_a_gate_is_an_error(lake: str) -> None:
    with pytest.raises(ContractError, match="there is no gate"):
        run_gate("silver.weather", window("r2"))


def test_pages_say_what_was_found_without_asking_other_servers(lake: str) -> None:
    write(lake, "silver.contacts", [row("silver.contacts", country="usa", email="secret@example.com")])
    with pytest.raises(QualityGateFailed):
        run_gate("silver.contacts", window("docs run"))
    index = (site_folder() / "index.html").read_text()
    (page,) = (site_folder() / "validations" / "silver" / "contacts" / "docs run").rglob("*.html")
    text = page.read_text()
    assert "docs run" in index
    assert "silver.contacts" in index
    assert "country looks like [A-Z]{2} [blocking; contacts.country.pattern]" in text
    assert "1 of 1 rows bad" in text
    assert "secret" not in text
    assert "http" not in index.replace("http-equiv", "") + text


def test_pages_of_old_gates_are_removed(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_docs, "GATES_KEPT", 2)
    for number in range(4):
        write(lake, "silver.campaigns", [row("silver.campaigns")])
        run_gate("silver.campaigns", window(f"many{number}"))
    kept = sorted(folder.name for folder in (site_folder() / "validations" / "silver" / "campaigns").iterdir())
    assert kept == ["many2", "many3"]
