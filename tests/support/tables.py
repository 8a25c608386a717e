"""Small lakes for tests of gates: literal rows of silver and gold, everything not named filled in so that it is
good."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from lakehouse.contracts import QUARANTINE, arrow_schema
from lakehouse.quality.rules.parameters import silver_columns
from lakehouse.tables import TableRef

Row = dict[str, Any]
MOMENT = datetime(2017, 12, 31, 12, tzinfo=UTC)
INGESTED = datetime(2018, 1, 1, tzinfo=UTC)
LINEAGE: Row = {
    "_source": "shop",
    "_source_file": "dump@0123456789ab",
    "_row_number": 1,
    "_batch_id": "r1",
    "_ingested_at": INGESTED,
    "_row_hash": 1,
    "_updated_at": INGESTED,
    "_is_deleted": False,
}

# One good row of each table; tests override what they are about.
GOOD: dict[str, Row] = {
    "silver.contacts": LINEAGE
    | {
        "contact_id": "1",
        "email": "Ann@example.com",
        "email_normalised": "ann@example.com",
        "language": "en",
        "country": "US",
    }
    | {"created_at": datetime(2017, 1, 1, tzinfo=UTC), "updated_at": MOMENT},
    "silver.consents": LINEAGE
    | {
        "reference_type": "crm_id",
        "customer_reference": "1",
        "channel": "email",
        "purpose": "marketing",
        "status": "granted",
        "changed_at": MOMENT,
    },
    "silver.products": LINEAGE | {"product_id": "p1", "department": "GROCERY", "category": "SOUP"},
    "silver.transactions": LINEAGE
    | {
        "transaction_id": "t1",
        "line_number": 1,
        "reference_type": "crm_id",
        "customer_reference": "1",
        "product_id": "p1",
        "currency": "USD",
    }
    | {
        "quantity": Decimal("1.000"),
        "net_amount": Decimal("2.50"),
        "discount_amount": Decimal("0.00"),
        "store_id": "s1",
        "occurred_at": MOMENT,
    },
    "silver.campaigns": LINEAGE
    | {"campaign_id": "k1", "starts_at": datetime(2017, 3, 1, tzinfo=UTC), "ends_at": datetime(2017, 4, 1, tzinfo=UTC)},
    "silver.campaign_members": LINEAGE | {"campaign_id": "k1", "reference_type": "crm_id", "customer_reference": "1"},
    "silver.redemptions": LINEAGE
    | {
        "redemption_id": "d1",
        "reference_type": "crm_id",
        "customer_reference": "1",
        "coupon_id": "u1",
        "campaign_id": "k1",
        "redeemed_at": MOMENT,
    },
    "silver.web_events": LINEAGE
    | {
        "event_id": "e1",
        "contract": 1,
        "event_type": "track",
        "event_name": "Product Viewed",
        "user_id": "1",
        "reference_type": "crm_id",
        "customer_reference": "1",
        "occurred_at": MOMENT,
        "received_at": MOMENT,
        "key_id": "w1",
        "properties": '{"product_id": "p1", "category": "SOUP"}',
    },
    "silver.identities": {
        "identifier_type": "crm_id",
        "identifier": "1",
        "customer_id": "c1",
        "rule": "root",
        "_group": "crm_id:1",
    }
    | {"first_seen_at": MOMENT, "linked_at": MOMENT, "_updated_at": INGESTED},
    "silver.contact_identifiers": {"contact_id": "1", "identifier_type": "email", "identifier": "ann@example.com"},
    "silver.mail_holds": {
        "_source_file": "consents.csv@1",
        "_row_number": 1,
        "identifier_type": "crm_id",
        "identifier": "1",
        "reason": "possible_refusal",
        "held_since_at": MOMENT,
    },
    "gold.fct_orders": {
        "transaction_id": "t1",
        "customer_id": "c1",
        "net_amount": Decimal("2.50"),
        "is_order": True,
        "ordered_at": MOMENT,
        "last_line_at": MOMENT,
    },
    "gold.customer_spend": {"customer_id": "c1", "currency": "USD", "total_spend": Decimal("2.50")},
    "gold.dim_customers": {
        "customer_id": "c1",
        "email": "ann@example.com",
        "email_consent_status": "granted",
        "is_mailable": True,
        "rfm_segment": "champions",
    }
    | {
        "total_spend": Decimal("2.50"),
        "count_orders": 1,
        "first_order_at": MOMENT,
        "last_order_at": MOMENT,
        "as_of": datetime(2018, 1, 2, tzinfo=UTC),
    },
    "gold.segment_members": {"segment": "loyal", "customer_id": "c1", "is_mailable": True},
    "gold.suppressions": {"address": "bob@example.com", "reason": "unsubscribed"},
    "bronze.shop_transactions": {
        "basket_id": "t1",
        "line": "1",
        "sales_value": "2.50",
        "_source_file": "dump@0123456789ab",
        "_row_number": 1,
    },
}
_GOLD_TYPES: dict[str, pa.DataType] = {
    "net_amount": pa.decimal128(18, 2),
    "total_spend": pa.decimal128(18, 2),
    "count_orders": pa.int64(),
    "is_mailable": pa.bool_(),
    "is_order": pa.bool_(),
    "last_line_at": pa.timestamp("us", tz="UTC"),
    "ordered_at": pa.timestamp("us", tz="UTC"),
    "first_order_at": pa.timestamp("us", tz="UTC"),
    "last_order_at": pa.timestamp("us", tz="UTC"),
    "as_of": pa.timestamp("us", tz="UTC"),
    "_row_number": pa.int64(),
}
SOURCES = """
sources:
  shop:
    kind: files
    location: sample
    datasets:
      contacts:
        files: c.csv
        format: csv
        load: full
        mapping: {contact_id: id, email: mail, created_at: created, updated_at: updated}
      products:
        files: p.csv
        format: csv
        load: full
        mapping: {product_id: product, department: department, category: category}
      transactions:
        files: t.csv
        format: csv
        load: increment
        mapping:
          transaction_id: basket_id
          line_number: line
          reference_type: {constant: email}
          customer_reference: mail
          product_id: product
          store_id: store
          quantity: {constant: "1"}
          net_amount: sales_value
          currency: {expression: "coalesce(currency, left(mail, 0), 'USD')"}
          occurred_at: sold_at
"""


def row(table: str, **changes: Any) -> Row:
    """A good row of the table with some values changed."""
    found = GOOD[table] | changes
    if "changed_at" in found:
        found.setdefault("changed_until", found["changed_at"])
    return found


def write(lake: str, table: str, rows: list[Row], mode: str = "overwrite") -> None:
    """Make the table consist of these rows (or append them), with its own schema."""
    ref = TableRef.parse(table)
    columns = silver_columns(ref)
    schema = (
        arrow_schema(columns)
        if columns
        else pa.schema([(name, _GOLD_TYPES.get(name, pa.string())) for name in GOOD[table]])
    )
    write_deltalake(
        ref.location(lake),
        pa.Table.from_pylist(rows, schema=schema),
        mode=mode,
        schema_mode="overwrite" if mode == "overwrite" else None,
    )


def write_quarantine(lake: str, dataset: str, rows: list[Row]) -> None:
    """Rejected rows of a dataset."""
    write_deltalake(
        f"{lake}/silver/{dataset}_quarantine",
        pa.Table.from_pylist(rows, schema=arrow_schema(QUARANTINE.columns)),
        mode="overwrite",
    )


def write_good_lake(lake: str, conf: Path) -> None:
    """Every gated table with one good row, and the delivery that silver.transactions came from."""
    conf.mkdir(parents=True, exist_ok=True)
    (conf / "sources.yml").write_text(SOURCES)
    for table, good in GOOD.items():
        write(lake, table, [good])
