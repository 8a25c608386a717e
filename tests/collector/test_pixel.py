"""The pixel in a real Chromium: what people do on a page is at the collector, and nothing of who does not want that."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from starlette.responses import HTMLResponse
from starlette.testclient import TestClient

from lakehouse.collector.app import Collector
from lakehouse.keys.store import KeyRing, create_key
from lakehouse.utils.processes import wait_for
from tests.support.browser import Events, chromium, served
from tests.support.homes import free_ports

MOST_BYTES = 3 * 1024  # of the script, compressed


class Site(NamedTuple):
    """A collector with its demo shop; pages of `other` are of another site."""

    shop: str
    other: str
    events: Events


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home, (port,), events = tmp_path_factory.mktemp("pixel"), free_ports(1), Events()
    key = create_key(home, "collect")[1]
    here, other = f"http://127.0.0.1:{port}", f"http://localhost:{port}"
    app = Collector(KeyRing(home), lambda: events, origins=[here, other], demo_key=key).application()
    script = f'<script src="{here}/v1/pixel.js" data-write-key="{key}" data-consent="ask"></script>'
    app.add_route("/other", lambda _: HTMLResponse(script))
    with served(app, port):
        yield Site(here, other, events)


@pytest.fixture
def site(running: Site) -> Site:
    running.events.taken.clear()
    running.events.is_away, running.events.refused = False, 0
    return running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    found = browser.new_context()
    yield found
    found.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def visit(page: Page, site: Site, query: str = "") -> None:
    page.goto(f"{site.shop}/demo/shop{query}")
    page.wait_for_function("() => Boolean(lakehouse.track)")


def stored(page: Page) -> list[str]:
    """What the pixel keeps in the browser: names, without their ids."""
    names = page.evaluate("Object.keys(localStorage)")
    return sorted(".".join(name.split(".")[:2]) for name in names)


def test_a_visit_to_the_shop_is_events_of_one_person(page: Page, site: Site) -> None:
    visit(page, site, "?utm_source=mail&utm_campaign=spring")
    page.get_by_role("button", name="View").first.click()
    page.get_by_role("button", name="Add to cart").first.click()
    page.get_by_label("Customer").fill("customer-1")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Order").click()
    events = site.events.await_names("Shop", "Product Viewed", "Product Added", "identify", "Order Completed")
    assert {event["topic"] for event in events} == {"web_events"}
    assert len({event["anonymous_id"] for event in events}) == 1 and len({event["event_id"] for event in events}) == 5
    assert [event.get("user_id") for event in events] == [None, None, None, "customer-1", "customer-1"]
    assert events[1]["properties"]["product_id"] == "T1" and events[4]["properties"]["total"] == 6.5
    assert events[0]["context"]["campaign"] == {"source": "mail", "name": "spring"}
    assert events[0]["context"]["page"]["path"] == "/demo/shop" and events[0]["is_bot"] is True  # it says "Headless"
    assert wait_for(lambda: stored(page) == ["lakehouse.anonymous", "lakehouse.user"], 30)


def test_who_logs_in_at_the_same_browser_is_somebody_else(page: Page, site: Site) -> None:
    visit(page, site)
    page.evaluate("lakehouse.identify('u1'); lakehouse.identify('u2'); lakehouse.reset(); lakehouse.track('Left')")
    events = site.events.await_names("Shop", "identify", "identify", "Left")
    first, same, second, nobody = (event["anonymous_id"] for event in events)
    assert first == same and len({first, second, nobody}) == 3
    assert "user_id" not in events[3]


def test_what_happens_as_the_page_is_left_arrives_by_a_beacon(page: Page, site: Site) -> None:
    visit(page, site)
    site.events.await_names("Shop")
    page.evaluate("lakehouse.track('Link Clicked'); location.href = 'about:blank'")
    site.events.await_names("Shop", "Link Clicked")


def test_without_beacons_a_request_outlives_the_page(page: Page, site: Site) -> None:
    page.add_init_script("navigator.sendBeacon = undefined")
    visit(page, site)
    site.events.await_names("Shop")
    page.evaluate("lakehouse.track('Link Clicked'); location.href = 'about:blank'")
    site.events.await_names("Shop", "Link Clicked")


def test_offline_events_wait_in_the_browser_also_for_another_page(
    context: BrowserContext, page: Page, site: Site
) -> None:
    visit(page, site)
    site.events.await_names("Shop")
    context.set_offline(True)
    page.evaluate("lakehouse.track('Offline 1')")
    assert wait_for(lambda: "lakehouse.batch" in stored(page), 30)
    page.evaluate("lakehouse.track('Offline 2')")
    page.close()
    context.set_offline(False)
    visit(context.new_page(), site)
    events = site.events.await_names("Shop", "Offline 1", "Offline 2", "Shop")
    assert len({event["event_id"] for event in events}) == 4
    assert events[1]["occurred_at"] < events[2]["occurred_at"] < events[3]["occurred_at"]


def test_what_the_collector_cannot_store_is_sent_again(page: Page, site: Site) -> None:
    site.events.is_away = True
    visit(page, site)
    assert wait_for(lambda: site.events.refused > 0, 30)
    site.events.is_away = False
    site.events.await_names("Shop")
    assert wait_for(lambda: "lakehouse.batch" not in stored(page), 30)


@pytest.mark.parametrize(
    "wish",
    [
        "Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })",
        "Object.defineProperty(navigator, 'doNotTrack', { value: '1' })",
        "localStorage.setItem('lakehouse.consent', 'no')",
    ],
)
def test_of_who_does_not_want_it_nothing_is_sent_or_stored(page: Page, site: Site, wish: str) -> None:
    page.add_init_script(f"if (location.href !== 'about:blank') {{ {wish} }}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visit(page, site)
    page.evaluate("lakehouse.identify('u1'); for (let n = 0; n < 30; n++) lakehouse.track('Clicked')")
    page.goto("about:blank")
    visit(page, site)
    assert {url.rpartition("/")[2] for url in asked} <= {"shop", "pixel.js", "favicon.ico", "about:blank"}
    assert [name for name in stored(page) if name != "lakehouse.consent"] == []
    assert site.events.taken == []


def test_an_opt_out_forgets_what_was_stored_and_can_be_taken_back(page: Page, site: Site) -> None:
    visit(page, site)
    site.events.await_names("Shop")
    page.evaluate("lakehouse.track('Not sent any more')")
    page.get_by_role("button", name="Do not allow").click()
    assert stored(page) == ["lakehouse.consent"]
    page.evaluate("lakehouse.track('Not sent')")
    page.get_by_role("button", name="Allow", exact=True).click()
    page.evaluate("lakehouse.track('Sent')")
    events = site.events.await_names("Shop", "Sent")
    assert events[0]["anonymous_id"] != events[1]["anonymous_id"]


def test_another_site_may_ask_first_and_then_sends_what_had_happened(page: Page, site: Site) -> None:
    page.goto(f"{site.other}/other")
    page.evaluate("lakehouse.identify('u1'); lakehouse.track('Before')")
    assert stored(page) == [] and site.events.taken == []
    page.evaluate("lakehouse.consent(true)")
    assert site.events.await_names("identify", "Before")[1]["user_id"] == "u1"


def test_a_browser_that_stores_nothing_still_sends(page: Page, site: Site) -> None:
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('blocked') } })")
    visit(page, site)
    page.evaluate("lakehouse.track('Clicked')")
    events = site.events.await_names("Shop", "Clicked")
    assert events[0]["anonymous_id"] == events[1]["anonymous_id"]


def test_a_page_without_scripts_sends_by_a_picture(browser: Browser, site: Site) -> None:
    with browser.new_context(java_script_enabled=False) as plain:
        plain.new_page().goto(f"{site.shop}/demo/shop")
        site.events.await_names("Shop")
    with browser.new_context(java_script_enabled=False, extra_http_headers={"sec-gpc": "1"}) as private:
        private.new_page().goto(f"{site.shop}/demo/shop")
    assert len(site.events.taken) == 1


def test_the_script_is_small_and_browsers_keep_it(home: Path) -> None:
    with TestClient(Collector(KeyRing(home), Events).application()) as client:
        packed = client.get("/v1/pixel.js")
        plain = client.get("/v1/pixel.js", headers={"accept-encoding": "identity"})
        assert (packed.headers["content-encoding"], packed.headers["content-type"]) == (
            "gzip",
            "text/javascript; charset=utf-8",
        )
        assert packed.text == plain.text and int(packed.headers["content-length"]) <= MOST_BYTES
        assert len(gzip.compress(plain.content)) <= MOST_BYTES
        again = client.get("/v1/pixel.js", headers={"if-none-match": packed.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get("/demo/shop").status_code == 404
