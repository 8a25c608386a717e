"""The consent firewall: only a clear yes passes, and the newest ledger has the last word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.activation.consent.firewall import Firewall, Person, normal_address, reason_to_stop
from lakehouse.activation.destinations import Batch, BatchReceipt
from lakehouse.activation.destinations.outbox import Outbox
from lakehouse.config.settings import settings
from tests.activation.conftest import Shop, assert_balanced, customer


@pytest.mark.parametrize(
    ("address", "is_mailable", "is_suppressed", "reason"),
    [
        ("ada@example.com", True, False, None),
        ("ada@example.com", True, True, "suppressed"),
        ("ada@example.com", False, False, "not_mailable"),
        ("ada@example.com", None, False, "unknown_consent"),
        (None, True, False, "no_address"),
        ("ada@example", True, False, "invalid_address"),
        ("a..da@example.com", True, False, "invalid_address"),
        ("ada @example.com", True, False, "invalid_address"),
        ("ada@example.com\n", True, False, "invalid_address"),
    ],
)
def test_reasons(address: str | None, is_mailable: bool | None, is_suppressed: bool, reason: str | None) -> None:
    assert reason_to_stop(Person("c1", address, is_mailable), is_suppressed) == reason


@given(st.one_of(st.none(), st.text(), st.just("ada@example.com")), st.sampled_from([True, False, None]), st.booleans())
def test_nobody_passes_without_a_clear_yes(address: str | None, is_mailable: bool | None, is_suppressed: bool) -> None:
    passes = reason_to_stop(Person("c1", normal_address(address), is_mailable), is_suppressed) is None
    assert not passes or (is_mailable is True and not is_suppressed and address is not None and "@" in address)


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
