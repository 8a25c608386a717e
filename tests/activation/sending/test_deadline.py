"""Nobody is sent after the deadline; what was not sent is counted, and who refused is removed all the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lakehouse.activation.export import export_campaign, remove_refused
from lakehouse.activation.sending.failures import DeadlineError
from lakehouse.window import BatchWindow
from tests.activation.conftest import Shop, customer, shop  # noqa: F401 - a fixture
from tests.activation.sending.accounts import account_at, in_audience


def test_after_the_deadline_nothing_is_sent_but_removals(shop: Shop) -> None:  # noqa: F811 - the fixture
    now = datetime.now(UTC)
    window = BatchWindow(now, now, "test", now)
    with account_at(shop, "braze") as there:
        for minutes, sent in ((60, 2), (4, 2)):  # ready five minutes before the send is too late in four
            shop.declare(platform="mails", send_at=f"{now + timedelta(minutes=minutes):%Y-%m-%d %H:%M} UTC")
            shop.customers(customer("c1", first_name=str(minutes)), customer("c2", first_name=str(minutes)))
            shop.suppress(*(["c2@example.com"] if minutes == 4 else []))
            shop.built(now)
            if minutes == 60:
                export_campaign("thanks", window)
            else:
                with pytest.raises(DeadlineError, match="has passed; the rest was not sent"):
                    export_campaign("thanks", window)
            assert len(there.state()["people"]) == sent
        failed = shop.receipts()[-1]
        assert (failed["status"], failed["count_changed"], failed["count_removed"]) == ("failed", 1, 1)
        assert failed["count_exported"] == 1, "the removal"
        assert in_audience(there) == {"c1@example.com"}
        (removed,) = remove_refused("thanks", window)
        assert removed.skipped, "nobody is left to remove"
