"""The preview of a campaign: who is shown, that hostile values stay text, and that nothing is sent or left open."""

from __future__ import annotations

import html
import re
from decimal import Decimal

import pytest

from lakehouse.activation.preview.make import make_preview, preview_campaign
from lakehouse.errors import ConfigurationError
from lakehouse.window import BatchWindow
from tests.activation.conftest import AS_OF, Shop, customer

HOSTILE = """</iframe>\"'><script>alert(1)</script>{{ email }}"""
TEMPLATE = (
    "---\nsubject: Hi {{ first_name | default: 'you' }}\n---\n<p>Dear {{ first_name | default: 'customer' }}</p>\n"
)


def _template(shop: Shop, text: str = TEMPLATE) -> None:
    (shop.conf / "templates").mkdir(exist_ok=True)
    (shop.conf / "templates" / "thanks.liquid").write_text(text)


def _page(shop: Shop, count: int = 8) -> str:
    page, _ = make_preview("thanks", count)
    return page.read_text(encoding="utf-8")


def _mails(page: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'srcdoc="([^"]*)"', page)]


def _shown(page: str) -> dict[str, str]:
    """Customer -> what the person was chosen for."""
    found = re.findall(
        r'<span class="pill plain">([^<]*)</span>.*?customer</td><td class="mono">([^<]*)<', page, re.DOTALL
    )
    return {customer_id: why for why, customer_id in found}


def test_it_shows_the_mails_that_will_be_sent_and_sends_nothing(shop: Shop) -> None:
    _template(shop)
    shop.customers(customer("c1", first_name=None), customer("c2", first_name="Grace"))
    page = _page(shop)
    assert sorted(_mails(page)) == ["<p>Dear Grace</p>\n", "<p>Dear customer</p>\n"]
    assert "Hi Grace" in page and "Hi you" in page
    assert "granted since 2017-03-04 05:06 UTC" in page
    assert "As described to a marketer: The best customers." in page
    assert shop.rows("ops/exports") == shop.rows("ops/holdouts") == []


def test_the_page_is_in_the_folder_of_the_export_that_follows_and_for_its_owner_only(shop: Shop) -> None:
    page, _ = make_preview("thanks")
    shop.export()
    (receipt,) = shop.receipts()
    assert page == shop.home / "outbox/outbox/thanks" / receipt["export_id"] / "preview.html"
    assert [place.stat().st_mode & 0o777 for place in (page, page.parent, page.parents[1])] == [0o600, 0o700, 0o700]
    assert {path.name for path in page.parent.iterdir()} == {"preview.html", "manifest.json", "receipt.json", "batches"}


@pytest.mark.slow
def test_a_preview_whose_export_never_came_is_removed_by_the_next_one(shop: Shop) -> None:
    before, _ = make_preview("thanks")
    shop.customers(customer("c1"), customer("c3"))
    after, _ = make_preview("thanks")
    assert (before.parent.exists(), after.exists()) == (False, True)
    shop.export()
    shop.customers(customer("c1"))
    make_preview("thanks")
    assert after.exists(), "that of an export stays"


def test_counts_are_those_of_the_plan(shop: Shop) -> None:
    shop.export()
    shop.suppress("c4@example.com")
    shop.customers(
        customer("c1"),
        customer("c2", first_name="New"),
        customer("c3"),
        customer("c4"),
        customer("c5", is_mailable=None),
    )
    page = _page(shop)
    counts = {name: int(count) for count, name in re.findall(r"<div><b>([^<]*)</b>([^<]*)</div>", page)}
    assert counts == {
        "in the audience": 5,
        "held out": 0,
        "suppressed": 2,
        "new": 1,
        "changed": 1,
        "to remove": 0,
        "unchanged": 1,
    }
    assert "unsubscribed, bounced, complained or erased (gold.suppressions)" in page
    actions = re.findall(r'</span> <span class="pill plain">(\w+)</span>', page)
    assert sorted(actions) == ["changed", "new", "unchanged"]


def test_those_held_out_are_in_no_preview(shop: Shop) -> None:
    shop.declare(holdout_share=0.5)
    shop.customers(*(customer(f"c{at}") for at in range(40)))
    shown = _shown(_page(shop, 100))
    shop.export()
    held_out = {row["customer_id"] for row in shop.rows("ops/holdouts") if row["is_held_out"]}
    assert set(shown) == {f"c{at}" for at in range(40)} - held_out


def test_recipients_are_diverse_and_the_same_every_time(shop: Shop) -> None:
    shop.declare(fields=["first_name", "total_spend"])
    shop.customers(
        *(customer(f"c{at:02d}") for at in range(50)),
        customer("long", first_name="Maximiliane-Alexandra"),
        customer("x", first_name="Y", email="x@e.de"),
        customer("unnamed", first_name=None),
        customer("free", total_spend=None, first_name="Adelheid"),
    )
    shown = _shown(_page(shop, 6))
    assert {customer_id: why for customer_id, why in shown.items() if why != "typical"} == {
        "long": "the longest values",
        "x": "the shortest values",
        "unnamed": "no first_name",
        "free": "no total_spend",
    }
    assert len(shown) == 6
    assert shown == _shown(_page(shop, 6))


def test_hostile_values_stay_text(shop: Shop) -> None:
    _template(shop)
    shop.customers(customer("c1", first_name=HOSTILE, email="c1@example.com"))
    page = _page(shop)
    assert "<script" not in page
    assert page.count("<iframe") == page.count('<iframe sandbox="" srcdoc="') == 1
    assert page.count("</iframe>") == 1
    (mail,) = _mails(page)
    assert mail == "<p>Dear &lt;/iframe&gt;&#34;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;{{ email }}</p>\n"
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


@pytest.mark.parametrize("nulls", ["send", "omit"])
def test_a_field_that_is_empty_for_somebody_needs_a_fallback(shop: Shop, nulls: str) -> None:
    """Whoever is shown: one of many has no name, and one recipient is asked for."""
    shop.declare(fields=[{"field": "first_name", "nulls": nulls}])
    _template(shop, "---\nsubject: Hi\n---\n\n<p>{{ first_name }}</p>\n")
    shop.customers(*(customer(f"c{at}") for at in range(30)), customer("c99", first_name=None))
    with pytest.raises(ConfigurationError, match=r"thanks.liquid:5: 'first_name' is empty for a recipient") as refused:
        make_preview("thanks", 1)
    assert "c99" not in str(refused.value)


def test_an_unknown_name_is_refused(shop: Shop) -> None:
    _template(shop, TEMPLATE + "{{ recency_days }}")
    with pytest.raises(ConfigurationError, match="Expected: one of campaign_id, customer_id, email, first_name,"):
        preview_campaign("thanks", BatchWindow(AS_OF, AS_OF, "test", AS_OF))


def test_a_campaign_without_a_template_shows_the_data(shop: Shop) -> None:
    shop.customers(customer("c1", total_spend=Decimal("0.00")))
    page = _page(shop)
    assert "The campaign has no template" in page
    assert "<iframe" not in page
    assert re.search(r"<td>total_spend</td><td>\s*0.00\s*</td>|<td>total_spend</td><td>\s*0.0\s*</td>", page)


def test_nobody_to_show(shop: Shop) -> None:
    shop.customers()
    assert "Nobody gets this campaign" in _page(shop)
