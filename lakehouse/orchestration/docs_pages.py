"""The web application behind Airflow's menu entries, for users who are logged in: the pages about campaigns; dbt docs
and Data Docs, which are files below <home>/docs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

from lakehouse.config.settings import settings
from lakehouse.orchestration.campaign_routes import router as campaign_routes

# folder below <home>/docs -> what makes its pages
MADE_BY = {"dbt": "build_profiles", "data_docs": "ingest_crm and ingest_transactions, whose gates write them,"}

# What a page may load: nothing from elsewhere, and no scripts where it needs none (Data Docs). The scripts of dbt docs
# are in its page. Another site cannot put a page into a frame; Airflow itself does.
_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:;"
    " frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
_SCRIPTS = {"dbt": "; script-src 'self' 'unsafe-inline'; connect-src 'self'"}
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
}

app = FastAPI(title="lakehouse pages", docs_url=None, redoc_url=None, openapi_url=None)
app.include_router(campaign_routes)


@app.middleware("http")
async def with_headers(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Every answer, also a refusal, with the headers that keep a page from being misused."""
    found = await answer(request)
    for name, value in _HEADERS.items():
        found.headers.setdefault(name, value)
    return found


@app.get("/{site}/{path:path}", dependencies=[Depends(requires_access_view(AccessView.WEBSITE))])
async def page(site: str, path: str, request: Request) -> Response:
    """A file of one of the sites; 401 without a login, 404 outside of the sites. StaticFiles keeps paths inside their
    folder."""
    if site not in MADE_BY:
        raise HTTPException(404)
    folder = settings().docs_site / site
    if not (folder / "index.html").exists():
        return HTMLResponse(f"<p>There is nothing here yet. Run {MADE_BY[site]} first.</p>", status_code=404)
    found = await StaticFiles(directory=folder).get_response(path or "index.html", dict(request.scope))
    found.headers["Content-Security-Policy"] = _POLICY + _SCRIPTS.get(site, "")
    return found
