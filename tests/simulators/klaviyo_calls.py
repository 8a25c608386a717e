"""Requests to a simulated Klaviyo, as plain HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.simulators import TOKEN, Simulated

HEADERS = {"authorization": f"Klaviyo-API-Key {TOKEN}", "revision": "2026-10-15"}


def profile(email: str, **attributes: Any) -> dict[str, Any]:
    """A profile resource."""
    return {"type": "profile", "attributes": {"email": email, **attributes}}


def import_job(*profiles: dict[str, Any], lists: tuple[str, ...] = ()) -> dict[str, Any]:
    """The body of a bulk import."""
    data: dict[str, Any] = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": list(profiles)}}}
    if lists:
        data["relationships"] = {"lists": {"data": [{"type": "list", "id": id} for id in lists]}}
    return {"data": data}


def klaviyo(platform: Simulated, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
    """One request."""
    return httpx.request(method, f"{platform.url}{path}", json=body, headers={**HEADERS, **headers}, timeout=20)


def send(platform: Simulated, *profiles: dict[str, Any], lists: tuple[str, ...] = ()) -> httpx.Response:
    """Import profiles; the answer has the job."""
    return klaviyo(platform, "POST", "/api/profile-bulk-import-jobs", import_job(*profiles, lists=lists))


def job_of(platform: Simulated, answer: httpx.Response) -> dict[str, Any]:
    """The attributes of the job that an import started, as they are now."""
    found = klaviyo(platform, "GET", f"/api/profile-bulk-import-jobs/{answer.json()['data']['id']}")
    attributes: dict[str, Any] = found.json()["data"]["attributes"]
    return attributes
