"""Airflow plugin: campaigns, dbt docs and Data Docs in the Airflow menu, and the deadline of a send.

Airflow loads this file from its plugins folder into every process, task processes too: the application itself is loaded
where it is asked for a page, which is the API server.
"""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from lakehouse.orchestration.send_deadline import SendDeadline

PREFIX = "/lakehouse"
# part of the address -> name in the menu
SITES = {"campaigns": "Campaigns", "dbt": "dbt docs", "data_docs": "Data Docs"}


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """ASGI application: lakehouse.orchestration.docs_pages."""
    from lakehouse.orchestration.docs_pages import app

    await app(scope, receive, send)


class LakehousePages(AirflowPlugin):
    """What Airflow reads: an application to mount, entries of its menu, and what deadlines may refer to."""

    name = "lakehouse_pages"
    fastapi_apps: list[dict[str, Any]] = [{"name": "lakehouse pages", "app": pages, "url_prefix": PREFIX}]
    external_views: list[dict[str, Any]] = [
        {
            "name": title,
            "href": f"{PREFIX}/{site}/index.html",
            "url_route": title.lower().replace(" ", "-"),
            "destination": "nav",
            "category": "browse",
        }
        for site, title in SITES.items()
    ]
    deadline_references: list[Any] = [SendDeadline]
