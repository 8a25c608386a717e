"""The consent firewall: only a clear yes passes, and the newest ledger has the last word."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.activation.consent.firewall import Firewall, Person, normal_address, normal_address_sql
from lakehouse.activation.destinations import Batch, BatchReceipt
from lakehouse.activation.destinations.outbox import Outbox
from lakehouse.config.settings import settings
from lakehouse.contracts.email_address import is_address, is_address_duckdb
from lakehouse.storage.duckdb_views import connect
from tests.activation.conftest import Shop, assert_balanced, customer


@pytest.mark.parametrize(
    ("address", "is_mailable", "is_suppressed", "reason"),
    [
        ("ada@example.com", True, False, None),
        (" Ada@Example.COM\u00a0", True, False, None),
        ("ada@example.com", True, True, "suppressed"),
        ("ada@example.com", False, True, "suppressed"),
        ("ada@example.com", False, False, "not_mailable"),
        ("ada@example.com", None, False, "unknown_consent"),
        (None, True, False, "no_address"),
        (" ", True, False, "no_address"),
        ("ada@example", True, False, "invalid_address"),
        ("a..da@example.com", True, False, "invalid_address"),
        ("ada @example.com", True, False, "invalid_address"),
        ("ada@example.com\n,", True, False, "invalid_address"),
    ],
)
def test_reasons(
    shop: Shop, address: str | None, is_mailable: bool | None, is_suppressed: bool, reason: str | None
) -> None:
    if is_suppressed:
        shop.suppress(address or "")
    with Firewall(settings().lake) as firewall:
        found = firewall.reasons([Person("c1", normal_address(address), is_mailable)])
    assert found == ({"c1": reason} if reason else {})


NEARLY = st.text(st.sampled_from("aZ09.@-_+ \t\n\x1f\x85\u00a0\u2003\u200b\u0130\u212a\u017fé'\"\x00"))


@pytest.mark.slow
@given(st.lists(st.one_of(st.text(), NEARLY, NEARLY.map(lambda text: f"a{text}@example.com{text}")), max_size=50))
def test_an_address_means_the_same_in_sql_and_in_python(texts: list[str]) -> None:
    """Where one of them finds an address, the other finds the same one."""
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    with connect() as connection:
        connection.register("texts", pa.table({"text": pa.array(texts, pa.string())}))
        address = normal_address_sql("text")
        rows = connection.execute(
            f"select case when {is_address_duckdb('address')} then address end"
            f" from (select {address} as address from texts)"
        ).fetchall()
    plain = [normal_address(text) or "" for text in texts]
    assert [found for (found,) in rows] == [text if is_address(text) else None for text in plain]


def test_every_letter_that_becomes_a_plain_one_does_so_in_sql_too() -> None:
    signs = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    odd = [
        sign for sign in signs if sign.isspace() or (not sign.isascii() and sign.lower().isascii()) or sign == "\u0130"
    ]
    with connect() as connection:
        connection.register("texts", pa.table({"text": [f"{sign}x{sign}" for sign in odd]}))
        found = connection.execute(f"select {normal_address_sql('text')} from texts").fetchall()
    assert [address for (address,) in found] == [normal_address(f"{sign}x{sign}") for sign in odd]


def test_ledger_is_compared_in_normal_form(shop: Shop) -> None:
    shop.suppress("Ada@Example.com ", "bob@example.com")
    with Firewall(settings().lake) as firewall:
        people = [
            Person("c1", "ada@example.com", True),
            Person("c2", "bea@example.com", True),
            Person("c3", "bob@example.com", None),
        ]
        assert firewall.reasons(people) == {"c1": "suppressed", "c3": "suppressed"}


def test_open_firewall_sees_a_newer_ledger(shop: Shop) -> None:
    with Firewall(settings().lake) as firewall:
        people = [Person("c1", "c1@example.com", True)]
        assert firewall.reasons(people) == {}
        shop.suppress("c1@example.com")
        assert firewall.reasons(people) == {"c1": "suppressed"}
        assert firewall.version == 1


def test_withdrawal_between_two_batches_is_honoured(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """c2 is new and c3 is on the platform already; both withdraw after the plan was made and the first batch is out."""
    shop.customers(customer("c1"), customer("c3"))
    shop.export()
    shop.customers(customer("c1", first_name="Bea"), customer("c2"), customer("c3", first_name="Bea"))
    monkeypatch.setattr(Outbox, "batch_size", 1)
    deliver = Outbox.deliver
    delivered: list[tuple[str, str]] = []

    def withdraw_after_first(self: Outbox, batch: Batch) -> BatchReceipt:
        receipt = deliver(self, batch)
        delivered.extend(zip(batch.customers, batch.operations["action"].to_pylist(), strict=True))
        if len(delivered) == 1:
            shop.suppress("c2@example.com", "c3@example.com")
        return receipt

    monkeypatch.setattr(Outbox, "deliver", withdraw_after_first)
    shop.export()
    assert delivered == [("c1", "changed"), ("c3", "removed")]
    receipt = shop.receipts()[1]
    assert (
        receipt["count_added"],
        receipt["count_changed"],
        receipt["count_removed"],
        receipt["count_suppressed"],
    ) == (0, 1, 1, 2)
    assert_balanced(receipt)
    assert shop.export().loaded == 0
