"""Silver as literal rows, gold as dbt makes it of them, on a real engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lakehouse.config.settings import settings
from lakehouse.contracts import CONTACT_IDENTIFIERS, DATASETS, IDENTITIES, MAIL_HOLDS
from lakehouse.gold.build import build_outdated
from lakehouse.gold.dbt_runner import build_gold, run_dbt
from lakehouse.spark.session import register, session
from lakehouse.tables import TableRef
from lakehouse.window import BatchWindow
from tests.support.engines import forget_tables
from tests.support.homes import Home
from tests.support.lakes import rows
from tests.support.tables import Row, row, write

AS_OF = datetime(2018, 1, 2, tzinfo=UTC)
COMPUTED = {contract.dataset: contract for contract in (IDENTITIES, CONTACT_IDENTIFIERS, MAIL_HOLDS)}
FIRST_LOAD = datetime(2018, 1, 2, 1, tzinfo=UTC)


def day(month: int, number: int, year: int = 2017) -> datetime:
    return datetime(year, month, number, 12, tzinfo=UTC)


@dataclass
class Shop:
    """A small shop: rows of silver by key. `put` changes them as a silver job would, `build` makes gold."""

    tables: dict[str, dict[tuple[Any, ...], Row]] = field(default_factory=dict)
    changes: int = 0

    def put(self, table: str, *changed: Row) -> None:
        """Insert or replace rows of silver.<table>, stamped with a time later than any before."""
        self.changes += 1
        stamp = FIRST_LOAD.replace(hour=self.changes // 60, minute=self.changes % 60)
        key = COMPUTED[table].key if table in COMPUTED else DATASETS[table].key
        known = self.tables.setdefault(table, {})
        for values in changed:
            complete = row(f"silver.{table}", **values) | (
                {} if table in ("contact_identifiers", "mail_holds") else {"_updated_at": stamp}
            )
            known[tuple(complete[name] for name in key)] = complete
        write(settings().lake, f"silver.{table}", list(known.values()))
        register(session(), TableRef.parse(f"silver.{table}"))

    def contact(self, contact_id: str, customer_id: str, **values: Any) -> None:
        """A contact of a customer of its own, known by crm_id, loyalty_id and address, who has granted permission."""
        email = f"{contact_id}@example.com"
        self.put("contact_identifiers", {"contact_id": contact_id, "identifier": email})
        self.put(
            "contacts",
            {"contact_id": contact_id, "email": email, "email_normalised": email, "loyalty_id": f"L{contact_id}"}
            | values,
        )
        self.belongs(customer_id, crm_id=contact_id, loyalty_id=f"L{contact_id}", email=email)
        self.put("consents", {"customer_reference": contact_id, "changed_at": day(1, 1)})

    def belongs(self, customer_id: str, **identifiers: str) -> None:
        self.put(
            "identities",
            *[
                {"identifier_type": kind, "identifier": value, "customer_id": customer_id}
                for kind, value in identifiers.items()
            ],
        )

    def buys(
        self,
        transaction_id: str,
        contact_id: str,
        at: datetime,
        amount: str,
        product_id: str = "p1",
        line_number: int = 1,
        **values: Any,
    ) -> None:
        line = {
            "transaction_id": transaction_id,
            "line_number": line_number,
            "customer_reference": contact_id,
            "product_id": product_id,
        }
        self.put("transactions", line | {"net_amount": Decimal(amount), "occurred_at": at} | values)

    def build(self, as_of: datetime = AS_OF, is_full: bool = False, select: str | None = None) -> None:
        """Build what is outdated, as a run would, or the models that `select` names."""
        window = BatchWindow.of(as_of, as_of, "test", is_full=is_full)
        if select:
            build_gold(window, select)
        else:
            build_outdated(window)


def run_tests(window: BatchWindow, select: str | None = None) -> int:
    """Run the data tests, or the tests that `select` names, as dbt does in a build; returns how many passed.

    `test_type:unit` selects the tests of the formulas, which need no data. Raises GoldBuildFailed with the names of
    those that did not pass.
    """
    chosen = ["--select", select] if select else ["--exclude-resource-type", "unit_test"]
    return len(run_dbt(["test", *chosen], window).result.results)


def gold_rows(query: str) -> list[tuple[Any, ...]]:
    """Rows of a query in which {gold.dim_customers} stands for that table."""
    return rows(Path(settings().lake), query)


def empty_shop(engine: Home) -> Shop:
    """A shop whose tables all exist and have no rows; what was there before is gone."""
    forget_tables(engine)
    opened = Shop()
    for name in (*DATASETS, *COMPUTED):
        opened.put(name)
    return opened


@pytest.fixture
def shop(engine: Home) -> Shop:
    return empty_shop(engine)
