"""Airflow plugin: dbt docs and Data Docs in the Airflow menu, for whoever is logged in.

Airflow loads this file from its plugins folder; the pages are files below <home>/docs, made by dbt and Great Expectations.
"""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from airflow.plugins_manager import AirflowPlugin
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from lakehouse.settings import settings

PREFIX = "/lakehouse"
# folder below <home>/docs -> name in the menu, and what makes it
SITES = {"dbt": ("dbt docs", "build_profiles"), "data_docs": ("Data Docs", "the gates of ingest_crm and ingest_transactions")}

app = FastAPI(title="lakehouse pages", docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/{site}/{path:path}", dependencies=[Depends(requires_access_view(AccessView.WEBSITE))])
async def page(site: str, path: str, request: Request) -> Response:
    """A file of one of the sites; 401 without a login, 404 outside of the sites. StaticFiles keeps paths inside their folder."""
    if site not in SITES:
        raise HTTPException(404)
    folder = settings().docs_site / site
    if not (folder / "index.html").exists():
        return HTMLResponse(f"<p>Nothing here yet: run {SITES[site][1]} first.</p>", status_code=404)
    # the sub-path is relative to the site's folder, whatever this application is mounted under
    return await StaticFiles(directory=folder).get_response(path or "index.html", dict(request.scope))


class LakehousePages(AirflowPlugin):
    """What Airflow reads: an application to mount and entries of its menu."""

    name = "lakehouse_pages"
    fastapi_apps: list[dict[str, Any]] = [{"name": "lakehouse pages", "app": app, "url_prefix": PREFIX}]
    external_views: list[dict[str, Any]] = [
        {"name": title, "href": f"{PREFIX}/{site}/index.html", "url_route": title.lower().replace(" ", "-"), "destination": "nav", "category": "browse"}
        for site, (title, _) in SITES.items()
    ]
