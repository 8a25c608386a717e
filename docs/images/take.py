"""Takes the screenshots of docs/images again, from the real UI: `make screenshots`.

It needs Playwright and a Chromium, which the project does not lock: `pip install playwright` in an environment of your
own, named by SHOTS_PYTHON. It expects a home in which `make run` and `lakehouse up` were run, and in which a guard asks
about champions_thank_you: `guards: {at_least: 1}` and one more field than the last export had, in a copy of conf/ that
LAKEHOUSE_CONF names.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

HERE = Path(__file__).parent
CAMPAIGN = "champions_thank_you"
MOST_BYTES = 150_000
PATIENCE = 600.0  # seconds until a run asks for approval


def _log_in(page: Page, server: dict[str, str]) -> None:
    page.goto(f"{server['address']}/auth/login")
    page.fill("input[name=username]", server["login"])
    page.fill("input[name=password]", server["password"])
    page.press("input[name=password]", "Enter")
    page.get_by_text("Dags").first.wait_for()


def _fill_in_the_form(page: Page, address: str) -> Locator:
    page.goto(f"{address}/dags/pre_send_refresh")
    page.get_by_role("button", name="Trigger").first.click()
    form = page.locator("[role=dialog][data-state=open]")
    campaign = form.locator("input[role=combobox]").first
    campaign.click()
    campaign.fill(CAMPAIGN)
    page.get_by_role("option", name=CAMPAIGN).click()
    form.locator("[name=element_send_at]").fill("2018-01-05 14:00 Europe/Berlin")
    form.locator("[name=element_reason]").fill("favourite categories are new")
    form.get_by_text("Select date and time").click()
    page.get_by_placeholder("YYYY/MM/DD").fill("2018/01/02")
    page.get_by_placeholder("HH:mm").fill("00:00")
    page.keyboard.press("Escape")
    return form


def _question(page: Page, address: str) -> Locator | None:
    """The link to a question about the campaign that nobody has answered, if there is one."""
    page.goto(f"{address}/required_actions?response_received=false")
    page.wait_for_timeout(5_000)
    asked = page.get_by_role("link", name=f"Approve the export of {CAMPAIGN}?")
    return asked.first if asked.count() else None


def _save(target: Locator | Page, name: str) -> None:
    path = HERE / f"{name}.png"
    target.screenshot(path=path)
    if path.stat().st_size > MOST_BYTES:
        sys.exit(f"{path} has {path.stat().st_size:,} bytes, more than {MOST_BYTES:,}: make its window smaller.")


def main() -> None:
    """Take the form, the approval of a run that waits (or of one that is triggered here), and the preview."""
    found = subprocess.run([os.environ["LAKEHOUSE"], "up", "--json"], check=True, capture_output=True, text=True)
    server = json.loads(found.stdout)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 900, "height": 1500}).new_page()
        _log_in(page, server)
        form = _fill_in_the_form(page, server["address"])
        page.wait_for_timeout(1_000)
        _save(form, "trigger-form")
        if not _question(page, server["address"]):
            form = _fill_in_the_form(page, server["address"])
            form.get_by_role("button", name="Trigger").click()
        until = time.monotonic() + PATIENCE
        while not (question := _question(page, server["address"])):
            if time.monotonic() > until:
                sys.exit(f"Nobody was asked within {PATIENCE:.0f} seconds: see the run in {server['address']}.")
        question.click()
        page.set_viewport_size({"width": 1100, "height": 1000})
        preview = page.get_by_role("link", name="the preview of some mails")
        preview.wait_for()
        address = preview.get_attribute("href")
        page.wait_for_timeout(1_000)
        _save(page, "approval")
        page.set_viewport_size({"width": 1100, "height": 840})
        page.goto(str(address))
        _save(page, "preview")


if __name__ == "__main__":
    main()
