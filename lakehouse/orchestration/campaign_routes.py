"""Where the pages about campaigns are, for users of Airflow who are logged in: exports, receipts and previews.

They are made on request, from ops tables and the files of the outbox. Only a preview holds personal data.
"""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse

from lakehouse.activation.records.approvals import decision_of
from lakehouse.activation.records.proofs import plan_of, preview_file, proofs, waiting_exports
from lakehouse.config.settings import settings
from lakehouse.orchestration.report.campaign_pages import export_page, list_page
from lakehouse.orchestration.report.plan_page import plan_page
from lakehouse.utils.html_page import POLICY

_LISTED = 200
# A browser must not keep them: they change, and a preview is personal data.
_HEADERS = {"Content-Security-Policy": f"{POLICY}; frame-ancestors 'self'", "Cache-Control": "no-store"}

router = APIRouter(prefix="/campaigns", dependencies=[Depends(requires_access_view(AccessView.WEBSITE))])


@router.get("/index.html")
def campaigns(campaign: str | None = None) -> HTMLResponse:
    """The newest exports, of all campaigns or of one."""
    chosen = settings()
    wanted = {"campaign_id": campaign} if campaign else {}
    found = proofs(chosen.lake, chosen.outbox, _LISTED, **wanted)
    waiting = waiting_exports(chosen.outbox, campaign)
    return HTMLResponse(list_page(found, waiting, campaign), headers=_HEADERS)


@router.get("/exports/{export_id}")
def export(export_id: str) -> HTMLResponse:
    """The receipt of one export; 404 when it is not on record."""
    found = proofs(settings().lake, settings().outbox, 1, export_id=export_id)
    if not found:
        raise HTTPException(404, "This export is not on record.", _HEADERS)
    planned = plan_of(settings().outbox, export_id)
    decision = None if planned is None else decision_of(planned, settings().lake)
    return HTMLResponse(export_page(found[0], decision), headers=_HEADERS)


@router.get("/exports/{export_id}/plan")
def plan(export_id: str) -> HTMLResponse:
    """The plan of an export that was made or is about to be; 404 when there is none."""
    found = plan_of(settings().outbox, export_id)
    if found is None:
        raise HTTPException(404, "This export has no plan.", _HEADERS)
    return HTMLResponse(plan_page(found, decision_of(found, settings().lake)), headers=_HEADERS)


@router.get("/exports/{export_id}/preview")
def preview(export_id: str) -> HTMLResponse:
    """The preview of an export that was made or is about to be; 404 when there is none."""
    page = preview_file(settings().outbox, export_id)
    if page is None:
        raise HTTPException(404, "This export has no preview.", _HEADERS)
    return HTMLResponse(page.read_bytes(), headers=_HEADERS)
