"""Every rule fails on a table that breaks it, and only there. One table of cases: what is wrong -> which rules break,
with how many rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.quality.gate import load_gate
from lakehouse.quality.rules.rule import Severity
from lakehouse.window import BatchWindow
from tests.support.gates import findings_of
from tests.support.lanes import first_fast
from tests.support.tables import GOOD, INGESTED, MOMENT, Row, row, write, write_quarantine

GATED = (
    *(
        "silver.contacts",
        "silver.consents",
        "silver.products",
        "silver.transactions",
        "silver.campaigns",
        "silver.campaign_members",
    ),
    *("silver.redemptions", "silver.web_events", "silver.identities"),
    *("gold.dim_customers", "gold.segment_members", "gold.suppressions"),
)
AS_OF = datetime(2018, 1, 2, tzinfo=UTC)
WINDOW = BatchWindow.of(datetime(2017, 1, 1, tzinfo=UTC), AS_OF, "r2")
LATE = INGESTED + timedelta(days=3)


def broken(target: str, window: BatchWindow = WINDOW) -> dict[str, int]:
    """Rules of the gate that do not hold now -> rows that broke them."""
    found = findings_of(target, window)
    return {rule_id: finding["count_failed"] for rule_id, finding in found.items() if not finding["is_passed"]}


def contact(**changes: object) -> Row:
    return row("silver.contacts", **changes)


def line(**changes: object) -> Row:
    return row("silver.transactions", **changes)


def many(table: str, count: int, key: str, **changes: object) -> list[Row]:
    return [row(table, **{key: f"{key}{n}"}, **changes) for n in range(count)]


def profile(**changes: object) -> Row:
    return row("gold.dim_customers", **changes)


# table, its rows, rules that break -> rows; rows of other tables stay good
CASES: list[tuple[str, list[Row], dict[str, int]]] = [
    ("silver.contacts", [], {"contacts.rows.present": 1}),
    ("silver.contacts", [contact(), contact()], {"contacts.contact_id.unique": 1}),
    ("silver.contacts", [contact(created_at=None)], {"contacts.created_at.required": 1}),
    ("silver.contacts", [contact(_source_file=None)], {"contacts.lineage.required": 1}),
    ("silver.contacts", [contact(language="EN")], {"contacts.language.pattern": 1}),
    ("silver.contacts", [contact(country="USA")], {"contacts.country.pattern": 1}),
    ("silver.contacts", [contact(created_at=LATE)], {"contacts.updated_before_created": 1}),
    ("silver.contacts", [contact(updated_at=LATE)], {"contacts.updated_at.future": 1}),
    ("silver.contacts", [contact(updated_at=datetime(2017, 2, 1, tzinfo=UTC))], {"contacts.updated_at.fresh": 1}),
    ("silver.contacts", [contact(email_normalised="x@example.com")], {"contacts.email_normalised.derived": 1}),
    ("silver.contacts", [contact(email=None, email_normalised=None)], {"contacts.email.filled": 1}),
    (
        "silver.contacts",
        [contact(), *many("silver.contacts", 2, "contact_id", email="not an address", email_normalised=None)],
        {"contacts.email.deliverable": 2, "contacts.email.broken": 2},
    ),
    (
        "silver.contacts",
        [*many("silver.contacts", 8, "contact_id"), contact(email="@", email_normalised=None)],
        {"contacts.email.deliverable": 1},
    ),
    ("silver.consents", [row("silver.consents"), row("silver.consents")], {"consents.key.unique": 1}),
    ("silver.consents", [row("silver.consents", status="maybe")], {"consents.status.allowed": 1}),
    (
        "silver.consents",
        [row("silver.consents", reference_type="email", customer_reference="nobody")],
        {"consents.customer_reference.address": 1},
    ),
    ("silver.consents", [row("silver.consents", channel="fax")], {"consents.channel.allowed": 1}),
    ("silver.consents", [row("silver.consents", purpose="spying")], {"consents.purpose.allowed": 1}),
    ("silver.consents", [row("silver.consents", changed_at=LATE)], {"consents.changed_at.future": 1}),
    (
        "silver.consents",
        [row("silver.consents", customer_reference="9")],
        {"consents.customer_reference.references": 1},
    ),
    ("silver.products", [row("silver.products", department=None)], {"products.department.filled": 1}),
    ("silver.products", [row("silver.products", category=None)], {"products.category.filled": 1}),
    (
        "silver.transactions",
        [line(), line()],
        {"transactions.key.unique": 1, "transactions.net_amount.reconciled": 1, "transactions.rows.reconciled": 1},
    ),
    ("silver.transactions", [line(net_amount=Decimal("2.51"))], {"transactions.net_amount.reconciled": 1}),
    ("silver.transactions", [line(transaction_id="t2", line_number=0)], {"transactions.line_number.range": 1}),
    ("silver.transactions", [line(quantity=Decimal("-1.000"))], {"transactions.net_amount.returns": 1}),
    ("silver.transactions", [line(discount_amount=Decimal("-0.01"))], {"transactions.discount_amount.sign": 1}),
    ("silver.transactions", [line(reference_type=None)], {"transactions.reference_type.missing": 1}),
    ("silver.transactions", [line(reference_type=None, customer_reference=None)], {}),
    ("silver.transactions", [line(product_id=None)], {}),
    ("silver.transactions", [line(currency="usd")], {"transactions.currency.pattern": 1}),
    ("silver.transactions", [line(reference_type="phone")], {"transactions.reference_type.allowed": 1}),
    ("silver.transactions", [line(occurred_at=LATE)], {"transactions.occurred_at.future": 1}),
    ("silver.transactions", [line(occurred_at=MOMENT - timedelta(days=9))], {"transactions.occurred_at.fresh": 1}),
    ("silver.transactions", [line(), line(transaction_id="t2", currency="EUR")], {"transactions.currency.single": 1}),
    (
        "silver.transactions",
        [line(net_amount=Decimal("-2.50"))],
        {"transactions.net_amount.returns": 1, "transactions.net_amount.reconciled": 1},
    ),
    ("silver.transactions", [line(store_id=None)], {"transactions.store_id.filled": 1}),
    ("silver.transactions", [line(quantity=Decimal("0.000"))], {"transactions.quantity.positive": 1}),
    (
        "silver.transactions",
        [line(product_id="p9")],
        {"transactions.product_id.references": 1, "transactions.product_id.references_share": 1},
    ),
    # Products of one shop say nothing about those of another.
    ("silver.transactions", [line(), line(transaction_id="t2", product_id="p9", _source="kiosk")], {}),
    (
        "silver.transactions",
        [line(transaction_id="t2", product_id="p9", _source="kiosk")],
        {"transactions.product_id.references": 1},
    ),
    ("silver.transactions", [line(), line(transaction_id="t2", store_id=None, _source="kiosk")], {}),
    (
        "silver.campaigns",
        [row("silver.campaigns", ends_at=datetime(2017, 2, 1, tzinfo=UTC))],
        {"campaigns.ends_before_start": 1},
    ),
    (
        "silver.campaigns",
        [row("silver.campaigns", ends_at=datetime(2019, 2, 1, tzinfo=UTC))],
        {"campaigns.ends_at.plausible": 1},
    ),
    (
        "silver.campaign_members",
        [row("silver.campaign_members", campaign_id="k9")],
        {"campaign_members.campaign_id.references": 1, "campaign_members.campaign_id.references_share": 1},
    ),
    ("silver.redemptions", [row("silver.redemptions", redeemed_at=LATE)], {"redemptions.redeemed_at.future": 1}),
    ("silver.redemptions", [row("silver.redemptions", coupon_id=None)], {"redemptions.coupon_id.required": 1}),
    ("silver.web_events", [row("silver.web_events", occurred_at=LATE)], {"web_events.occurred_at.future": 1}),
    ("silver.web_events", [row("silver.web_events", contract=0)], {"web_events.contract.range": 1}),
    ("silver.web_events", [row("silver.web_events", is_bot=True)], {"web_events.is_bot.share": 1}),
    ("silver.web_events", [row("silver.web_events", user_id=None)], {"web_events.user_id.nobody": 1}),
    ("silver.web_events", [row("silver.web_events", reference_type=None)], {"web_events.reference_type.missing": 1}),
    ("silver.identities", [row("silver.identities", rule="same_contact")], {"identities.customer_id.rooted": 1}),
    (
        "silver.identities",
        [row("silver.identities", identifier="2")],
        {"identities.transactions.resolved": 1, "identities.contacts.complete": 1},
    ),
    (
        "silver.identities",
        [
            row("silver.identities", rule="reference_only"),
            row("silver.identities", identifier="2", customer_id="c2"),
        ],
        {"identities.references.of_contacts": 1},
    ),
    (
        "silver.identities",
        [row("silver.identities"), *many("silver.identities", 20, "identifier", rule="same_contact")],
        {"identities.customer_id.plausible": 21},
    ),
    (
        "gold.dim_customers",
        [profile(), profile()],
        {
            "dim_customers.customer_id.unique": 1,
            "dim_customers.total_spend.orders": 2,
            "dim_customers.total_spend.transactions": 2,
        }
        | {"dim_customers.count_orders.orders": 1},
    ),
    (
        "gold.dim_customers",
        [],
        {"dim_customers.rows.present": 1, "dim_customers.customer_id.complete": 1},
    ),
    ("gold.dim_customers", [profile(customer_id="c2")], {"dim_customers.customer_id.complete": 2}),
    (
        "gold.dim_customers",
        [profile(total_spend=Decimal("2.49"))],
        {"dim_customers.total_spend.orders": 1, "dim_customers.total_spend.transactions": 1},
    ),
    ("gold.dim_customers", [profile(count_orders=2)], {"dim_customers.count_orders.orders": 1}),
    # More rows are missing or too many than the table has.
    ("gold.dim_customers", [profile(count_orders=5)], {"dim_customers.count_orders.orders": 4}),
    ("gold.dim_customers", [profile(email_consent_status="unknown")], {"dim_customers.is_mailable.consented": 1}),
    ("gold.dim_customers", [profile(email_consent_status=None)], {"dim_customers.is_mailable.consented": 1}),
    ("gold.dim_customers", [profile(email=None)], {"dim_customers.is_mailable.consented": 1}),
    ("gold.dim_customers", [profile(is_mailable=None)], {"dim_customers.is_mailable.required": 1}),
    (
        "gold.dim_customers",
        [profile(count_orders=None)],
        {"dim_customers.count_orders.required": 1, "dim_customers.count_orders.orders": 1},
    ),
    (
        "gold.dim_customers",
        [profile(email_consent_status="yes")],
        {"dim_customers.email_consent_status.allowed": 1, "dim_customers.is_mailable.consented": 1},
    ),
    ("gold.dim_customers", [profile(rfm_segment="not_ranked")], {"dim_customers.rfm_segment.ranked": 1}),
    ("gold.dim_customers", [profile(rfm_segment="kings")], {"dim_customers.rfm_segment.allowed": 1}),
    (
        "gold.dim_customers",
        [profile(last_order_at=datetime(2017, 1, 1, tzinfo=UTC))],
        {"dim_customers.last_order_at.order": 1},
    ),
    ("gold.dim_customers", [profile(as_of=INGESTED)], {"dim_customers.as_of.current": 1}),
    (
        "gold.segment_members",
        [row("gold.segment_members"), row("gold.segment_members")],
        {"segment_members.key.unique": 1},
    ),
    (
        "gold.segment_members",
        [row("gold.segment_members", customer_id="c9")],
        {"segment_members.customer_id.references": 1},
    ),
    (
        "gold.segment_members",
        [row("gold.segment_members", is_mailable=False)],
        {"segment_members.is_mailable.profile": 1},
    ),
    (
        "gold.segment_members",
        [row("gold.segment_members", customer_id=None)],
        {"segment_members.customer_id.required": 1},
    ),
    ("gold.segment_members", [row("gold.segment_members", segment=None)], {"segment_members.segment.required": 1}),
    (
        "gold.suppressions",
        [row("gold.suppressions", address="ann@example.com")],
        {"suppressions.address.not_mailable": 1},
    ),
    (
        "gold.suppressions",
        [row("gold.suppressions", address="BOB@example.com ")],
        {"suppressions.address.normalised": 1},
    ),
    ("gold.suppressions", [row("gold.suppressions", reason="dislike")], {"suppressions.reason.allowed": 1}),
    ("gold.suppressions", [row("gold.suppressions", reason=None)], {"suppressions.reason.required": 1}),
    ("gold.suppressions", [row("gold.suppressions"), row("gold.suppressions")], {"suppressions.address.unique": 1}),
]
# Broken by every row of an otherwise good lake with one row: not what a case is about.
_SIDE_EFFECTS = {"transactions.rows.reconciled", "transactions.net_amount.reconciled"}


@pytest.mark.parametrize("target", GATED)
def test_good_table_passes_every_rule(lake: str, target: str) -> None:
    assert broken(target) == {}


@pytest.mark.parametrize(
    ("target", "rows", "expected"),
    first_fast(CASES, 12),
    ids=[f"{target}-{'-'.join(expected)}" for target, _, expected in CASES],
)
def test_rule_breaks_where_the_table_is_bad(lake: str, target: str, rows: list[Row], expected: dict[str, int]) -> None:
    write(lake, target, rows)
    found = broken(target)
    assert {rule: count for rule, count in found.items() if rule not in _SIDE_EFFECTS - expected.keys()} == expected


def test_every_hand_written_rule_has_a_case() -> None:
    """What has none is of a kind that every table has, and that a case of another table or tests/quality breaks."""
    rules = {rule.id for target in GATED for rule in load_gate(target).rules}
    shown = {rule_id for _, _, expected in CASES for rule_id in expected} | {
        "suppressions.withdrawn.listed",
        "consents.rows.understood",
        "consents.refusals.recognised",
        "consents.refusals.recognised_mostly",
        "consents.withdrawals.turned",
        "consents.withdrawals.turned_many",
    }
    of_deliveries = ("accepted", "accepted_mostly")
    of_columns = ("required", "unique", "allowed", "match", "references", "references_share")
    kinds = (*of_columns, "present", "kept", "usual", *of_deliveries)
    assert [rule_id for rule_id in sorted(rules - shown) if not rule_id.endswith(kinds)] == []
    assert shown <= rules


def test_a_change_of_permission_in_quarantine_is_a_warning(lake: str) -> None:
    rejected = {
        "_source": "crm",
        "_source_file": "consents.csv@1",
        "_row_number": 1,
        "rule_ids": ["consents.status.allowed"],
        "row_json": "{}",
    }
    write_quarantine(lake, "consents", [rejected])
    assert broken("silver.consents") == {"consents.rows.understood": 1}


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, {}),
        (1, {"consents.refusals.recognised": 1}),
        (21, {"consents.refusals.recognised": 21, "consents.refusals.recognised_mostly": 21}),
    ],
)
def test_refusals_of_nobody_who_is_recognised_warn_and_block(lake: str, count: int, expected: dict[str, int]) -> None:
    unrecognised = {"identifier_type": "unrecognised", "identifier": ""}
    rows = [row("silver.mail_holds", _row_number=number, **unrecognised) for number in range(count)]
    write(lake, "silver.mail_holds", [row("silver.mail_holds", _row_number=99), *rows])
    assert broken("silver.consents") == expected


def test_withdrawals_and_later_grants_of_a_first_load_are_history(lake: str) -> None:
    rows = []
    for number in range(101):
        said = {"reference_type": "loyalty_id", "customer_reference": f"L{number}"}
        rows += [
            row("silver.consents", **said, status="withdrawn", changed_at=MOMENT - timedelta(days=9)),
            row("silver.consents", **said, changed_at=MOMENT),
        ]
    write(lake, "silver.consents", rows)
    assert broken("silver.consents") == {}


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (5, {}),
        (6, {"consents.withdrawals.turned": 6}),
        (101, {"consents.withdrawals.turned": 101, "consents.withdrawals.turned_many": 101}),
    ],
)
def test_an_import_that_turns_withdrawals_into_grants_warns_and_blocks(
    lake: str, count: int, expected: dict[str, int]
) -> None:
    rows = []
    for number in range(count):
        said = {"reference_type": "loyalty_id", "customer_reference": f"L{number}"}
        rows += [
            row("silver.consents", **said, status="withdrawn", changed_at=MOMENT - timedelta(days=9)),
            row(
                "silver.consents", **said, changed_at=MOMENT, _batch_id="r2", _ingested_at=INGESTED + timedelta(hours=1)
            ),
        ]
    write(lake, "silver.consents", rows)
    found = broken("silver.consents")
    assert {rule_id: found for rule_id, found in found.items() if rule_id not in _SIDE_EFFECTS} == expected


def test_refused_addresses_must_be_suppressed(lake: str) -> None:
    write(
        lake,
        "gold.dim_customers",
        [profile(email="cy@example.com", email_consent_status="withdrawn", is_mailable=False)],
    )
    assert broken("gold.suppressions") == {"suppressions.withdrawn.listed": 1}


def write_orders_around(lake: str, as_of: datetime, profile_spend: str = "2.50") -> None:
    """One order before `as_of` (2.50) and one that begins at it (4.00), and the profile that counts the first only."""
    later = {"transaction_id": "t2", "net_amount": Decimal("4.00")}
    write(lake, "silver.transactions", [line(), line(**later, occurred_at=as_of)])
    orders = [row("gold.fct_orders"), row("gold.fct_orders", **later, ordered_at=as_of, last_line_at=as_of)]
    write(lake, "gold.fct_orders", orders)
    write(lake, "gold.dim_customers", [profile(as_of=as_of, total_spend=Decimal(profile_spend))])


def test_profiles_answer_for_orders_before_their_as_of_time_only(lake: str) -> None:
    as_of = MOMENT + timedelta(hours=1)
    write_orders_around(lake, as_of)
    assert broken("gold.dim_customers", replace(WINDOW, as_of=as_of)) == {}


def test_of_an_order_that_goes_on_later_lines_do_not_count(lake: str) -> None:
    as_of = MOMENT + timedelta(hours=1)
    later = as_of + timedelta(minutes=1)
    write(lake, "silver.transactions", [line(), line(line_number=2, occurred_at=later)])
    write(lake, "gold.fct_orders", [row("gold.fct_orders", net_amount=Decimal("5.00"), last_line_at=later)])
    write(lake, "gold.dim_customers", [profile(as_of=as_of)])
    assert broken("gold.dim_customers", replace(WINDOW, as_of=as_of)) == {}


def test_spend_of_returns_guests_currencies_and_parts_of_cents_adds_up(lake: str) -> None:
    parts = [line(transaction_id="t5", line_number=n, net_amount=Decimal("0.335")) for n in (1, 2, 3)]
    write(
        lake,
        "silver.transactions",
        [
            line(),
            line(transaction_id="t2", quantity=Decimal("-1"), net_amount=Decimal("1.00")),
            line(transaction_id="t3", reference_type=None, customer_reference=None),
            line(transaction_id="t4", customer_reference="2"),
            line(transaction_id="t4", line_number=2, customer_reference="2", currency="EUR"),
            *parts,
        ],
    )
    spent = {"t1": "2.50", "t2": "-1.00", "t4": "5.00", "t5": "1.01"}
    orders = [row("gold.fct_orders", transaction_id=name, net_amount=Decimal(net)) for name, net in spent.items()]
    guest = row("gold.fct_orders", transaction_id="t3", customer_id=None)
    write(lake, "gold.fct_orders", [*orders, guest])
    write(lake, "gold.customer_spend", [row("gold.customer_spend", customer_id="c2", total_spend=Decimal("5.00"))])
    write(
        lake,
        "silver.identities",
        [row("silver.identities"), row("silver.identities", identifier="2", customer_id="c2")],
    )
    several = profile(customer_id="c2", email="two@example.com", count_orders=1, total_spend=None)
    write(lake, "gold.dim_customers", [profile(count_orders=3, total_spend=Decimal("2.51")), several])
    assert broken("gold.dim_customers") == {}


def test_profiles_that_count_later_orders_block(lake: str) -> None:
    as_of = MOMENT + timedelta(hours=1)
    write_orders_around(lake, as_of, profile_spend="6.50")
    spend = {"dim_customers.total_spend.orders": 1, "dim_customers.total_spend.transactions": 1}
    assert broken("gold.dim_customers", replace(WINDOW, as_of=as_of)) == spend


def test_missing_column_is_named_and_nothing_else_is_looked_at(lake: str) -> None:
    columns = [column for column in GOOD["silver.products"] if column != "product_id"]
    write_deltalake(
        f"{lake}/silver/products",
        pa.table({name: pa.array(["x"]) for name in columns}),
        mode="overwrite",
        schema_mode="overwrite",
    )
    found = findings_of("silver.products", WINDOW)
    wrong = found["products.columns.match"]
    assert not wrong["is_passed"]
    assert "product_id is missing" in wrong["observed"]
    assert "_row_hash is string, not long" in wrong["observed"]
    unseen = "nothing to compare with; not looked at while the columns differ from the contract"
    assert found["products.product_id.unique"]["observed"] == unseen


@pytest.mark.both_engines(soak=True)
def test_every_kind_of_rule_finds_the_same(lake: str) -> None:
    """Two gates that between them have every kind of SQL; the parity run compares all of them on both engines."""
    assert broken("gold.dim_customers") == {}
    write(
        lake,
        "silver.transactions",
        [line(), line(), line(transaction_id="t2", product_id="p9", currency="usd", line_number=0)],
    )
    assert broken("silver.transactions") == {
        "transactions.line_number.range": 1,
        "transactions.currency.pattern": 1,
        "transactions.key.unique": 1,
        "transactions.product_id.references": 1,
        "transactions.product_id.references_share": 1,
        "transactions.rows.reconciled": 2,
        "transactions.net_amount.reconciled": 2,
        "transactions.currency.single": 1,
    }


def test_blocking_and_warning_rules_are_told_apart() -> None:
    severities = {rule.id: rule.severity for target in GATED for rule in load_gate(target).rules}
    assert severities["transactions.product_id.references"] is Severity.WARNING
    assert severities["transactions.product_id.references_share"] is Severity.BLOCKING
