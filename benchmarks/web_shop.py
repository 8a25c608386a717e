"""A web shop with many people and few lines each, and its second day: the deliveries, made from nothing but a size.

At size 1: 1,000,000 contacts, 950,000 changes of consent, 20,000 products, 2,000,000 orders with 5,000,000 lines. On
the second day all contacts come again as a full dump with 1 % of them changed, 500 of those with a new address, and
20,000 new lines. The same size gives the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

_SEED = 20170101
_CHANGED_SHARE = 0.01
_FIRST_DAY = np.datetime64("2015-01-01T00:00:00")


@dataclass(frozen=True)
class Size:
    """How many of everything; a share of 1 is the full size."""

    share: float = 1.0

    def of(self, count: int) -> int:
        return max(1, round(count * self.share))

    @property
    def contacts(self) -> int:
        return self.of(1_000_000)

    @property
    def consents(self) -> int:
        return self.of(950_000)

    @property
    def products(self) -> int:
        return self.of(20_000)

    @property
    def orders(self) -> int:
        return self.of(2_000_000)

    @property
    def lines(self) -> int:
        return self.of(5_000_000)

    @property
    def new_addresses(self) -> int:
        return self.of(500)

    @property
    def new_lines(self) -> int:
        return self.of(20_000)


def deliver_first_day(folder: Path, conf: Path, size: Size) -> None:
    """Write sources.yml and campaigns.yml into `conf` and the first deliveries into `folder`."""
    conf.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    (conf / "sources.yml").write_text(json.dumps(_sources(folder), indent=1), encoding="utf-8")
    (conf / "campaigns.yml").write_text(json.dumps(_CAMPAIGNS, indent=1), encoding="utf-8")
    chance = np.random.default_rng(_SEED)
    csv.write_csv(_contacts(size), folder / "contacts-1.csv")
    csv.write_csv(_consents(size, chance), folder / "consents-1.csv")
    csv.write_csv(_products(size), folder / "products-1.csv")
    csv.write_csv(_lines(size, chance, size.lines, size.orders, "o", 0, 1000), folder / "lines-1.csv")


def deliver_second_day(folder: Path, size: Size) -> None:
    """Write the deliveries of the second day beside those of the first."""
    chance = np.random.default_rng(_SEED + 1)
    csv.write_csv(_changed(_contacts(size), size, chance), folder / "contacts-2.csv")
    count_orders = max(1, size.new_lines * 2 // 5)
    csv.write_csv(_lines(size, chance, size.new_lines, count_orders, "n", 1001, 1), folder / "lines-2.csv")


def _contacts(size: Size) -> pa.Table:
    """Two in a hundred share the address of the contact before, as duplicates do; one in a thousand has the shop's own
    phone number."""
    chance, count = np.random.default_rng(_SEED + 2), size.contacts
    number = np.arange(count)
    mailbox = np.where((number % 50 == 49), number - 1, number)
    phone = np.where(number % 1000 == 7, 0, number)
    has_phone, has_card = chance.random(count) < 0.6, chance.random(count) < 0.5
    created = _FIRST_DAY + chance.integers(0, 700 * 86_400, count).astype("timedelta64[s]")
    return pa.table(
        {
            "id": _named("k", number),
            "email": _joined(_named("person", mailbox), "@example.com"),
            "phone": pc.if_else(pa.array(has_phone), _named("+4930", phone + 10_000_000), None),
            "card": pc.if_else(pa.array(has_card), _named("LC", number), None),
            "first": _named("First", number % 1000),
            "last": _named("Last", number % 50_000),
            "language": pa.array(np.array(["de", "en", "fr"])[number % 3]),
            "created": _times(created),
            "updated": _times(created + np.timedelta64(1, "D")),
        }
    )


def _changed(contacts: pa.Table, size: Size, chance: np.random.Generator) -> pa.Table:
    """The contacts with 1 % of them changed, the first of those with a new address."""
    changed = chance.permutation(size.contacts)[: max(size.new_addresses, round(size.contacts * _CHANGED_SHARE))]
    is_changed = np.zeros(size.contacts, dtype=bool)
    is_changed[changed] = True
    is_moved = np.zeros(size.contacts, dtype=bool)
    is_moved[changed[: size.new_addresses]] = True
    new_address = _joined(_named("moved", np.arange(size.contacts)), "@example.com")
    values = {
        "email": pc.if_else(pa.array(is_moved), new_address, contacts["email"]),
        "last": pc.if_else(pa.array(is_changed), "Married", contacts["last"]),
        "updated": pc.if_else(pa.array(is_changed), "2018-01-01T06:00:00Z", contacts["updated"]),
    }
    for name, column in values.items():
        contacts = contacts.set_column(contacts.column_names.index(name), name, column)
    return contacts


def _consents(size: Size, chance: np.random.Generator) -> pa.Table:
    """One in twenty is said with an address, one in eight is a refusal."""
    who = chance.permutation(max(size.contacts, size.consents))[: size.consents] % size.contacts
    by_address = pa.array(np.arange(size.consents) % 20 == 0)
    at = _FIRST_DAY + chance.integers(700 * 86_400, 1000 * 86_400, size.consents).astype("timedelta64[s]")
    return pa.table(
        {
            "kind": pc.if_else(by_address, "email", "crm_id"),
            "reference": pc.if_else(by_address, _joined(_named("person", who), "@example.com"), _named("k", who)),
            "status": pc.if_else(pa.array(np.arange(size.consents) % 8 == 3), "withdrawn", "granted"),
            "at": _times(at),
        }
    )


def _products(size: Size) -> pa.Table:
    number = np.arange(size.products)
    return pa.table(
        {
            "product": _named("p", number),
            "name": _named("Product ", number),
            "department": _named("Department ", number % 20),
            "category": _named("Category ", number % 300),
        }
    )


def _lines(
    size: Size, chance: np.random.Generator, count: int, count_orders: int, prefix: str, first_day: int, days: int
) -> pa.Table:
    """Lines of orders: 70 % by customer id, 20 % by address (one in seven of an address that no contact has), 10 % by
    card."""
    order = np.sort(np.concatenate([np.arange(count_orders), chance.integers(0, count_orders, count - count_orders)]))
    line = np.arange(count) - np.searchsorted(order, order) + 1
    who = chance.integers(0, size.contacts, count_orders)
    draw = chance.random(count_orders)
    is_address, is_card = pa.array(draw < 0.2), pa.array(draw > 0.9)
    is_guest = pa.array(draw < 0.03)
    address = _joined(pc.if_else(is_guest, _named("guest", who), _named("person", who)), "@example.com")
    kind = pc.if_else(is_address, "email", pc.if_else(is_card, "loyalty_id", "crm_id"))
    reference = pc.if_else(is_address, address, pc.if_else(is_card, _named("LC", who), _named("k", who)))
    day = _FIRST_DAY + np.timedelta64(first_day, "D")
    sold = day + chance.integers(0, days * 86_400, count_orders).astype("timedelta64[s]")
    cents = chance.integers(100, 20_000, count)
    taken = pa.array(order)
    return pa.table(
        {
            "order": _named(prefix, order),
            "line": pa.array(line),
            "kind": kind.take(taken),
            "reference": reference.take(taken),
            "product": _named("p", chance.integers(0, size.products, count)),
            "quantity": pa.array(chance.integers(1, 4, count)),
            "amount": pa.array(cents / 100),
            "sold": _times(sold).take(taken),
        }
    )


def _named(prefix: str, numbers: np.ndarray) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pc.cast(pa.array(numbers), pa.string()), "")


def _joined(texts: pa.Array, suffix: str) -> pa.Array:
    return pc.binary_join_element_wise(texts, suffix, "")


def _times(moments: np.ndarray) -> pa.Array:
    return pc.strftime(pa.array(moments.astype("datetime64[s]")), format="%Y-%m-%dT%H:%M:%SZ")


def _sources(folder: Path) -> dict[str, object]:
    def declared(files: str, load: str, **mapping: object) -> dict[str, object]:
        return {"files": files, "format": "csv", "load": load, "mapping": mapping}

    constant = {"channel": {"constant": "email"}, "purpose": {"constant": "marketing"}}
    datasets = {
        "contacts": declared(
            "contacts-*.csv",
            "full",
            contact_id="id",
            email="email",
            phone="phone",
            loyalty_id="card",
            first_name="first",
            last_name="last",
            language="language",
            created_at="created",
            updated_at="updated",
        ),
        "consents": declared(
            "consents-*.csv",
            "increment",
            reference_type="kind",
            customer_reference="reference",
            status="status",
            changed_at="at",
            **constant,
        ),
        "products": declared(
            "products-*.csv",
            "increment",
            product_id="product",
            name="name",
            department="department",
            category="category",
        ),
        "transactions": declared(
            "lines-*.csv",
            "increment",
            transaction_id="order",
            line_number="line",
            reference_type="kind",
            customer_reference="reference",
            product_id="product",
            quantity="quantity",
            net_amount="amount",
            currency={"constant": "EUR"},
            occurred_at="sold",
        ),
    }
    return {"sources": {"shop": {"kind": "files", "location": str(folder), "datasets": datasets}}}


_CAMPAIGNS = {
    "campaigns": {
        "champions": {
            "segment": "loyal_champions",
            "send_at": "2018-01-05 08:00 Europe/Berlin",
            "platform": "outbox",
            "holdout_share": 0.1,
            "fields": ["first_name", "rfm_segment"],
        }
    }
}
