"""The web application behind Airflow's menu entries: dbt docs and Data Docs, files below <home>/docs, for users who
are logged in."""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

from lakehouse.config.settings import settings

# folder below <home>/docs -> what makes its pages
MADE_BY = {"dbt": "build_profiles", "data_docs": "ingest_crm and ingest_transactions, whose gates write them,"}

app = FastAPI(title="lakehouse pages", docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/{site}/{path:path}", dependencies=[Depends(requires_access_view(AccessView.WEBSITE))])
async def page(site: str, path: str, request: Request) -> Response:
    """A file of one of the sites; 401 without a login, 404 outside of the sites. StaticFiles keeps paths inside their
    folder."""
    if site not in MADE_BY:
        raise HTTPException(404)
    folder = settings().docs_site / site
    if not (folder / "index.html").exists():
        return HTMLResponse(f"<p>There is nothing here yet. Run {MADE_BY[site]} first.</p>", status_code=404)
    return await StaticFiles(directory=folder).get_response(path or "index.html", dict(request.scope))
