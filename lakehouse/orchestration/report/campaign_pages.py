"""The pages about exports: all of them, newest first, and one of them with its receipt. No personal data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lakehouse.activation.consent.suppression_reasons import meaning_of
from lakehouse.activation.planning import PLAN
from lakehouse.activation.preview import PREVIEW
from lakehouse.activation.ready import ready_at
from lakehouse.activation.records.approvals import Decision
from lakehouse.activation.records.proofs import Proof, rejected_by_reason
from lakehouse.orchestration.report.outcome import outcome_of_export
from lakehouse.utils.canonical_json import plain_text
from lakehouse.utils.html_page import html_page

_LIST = """
<h1>Campaigns</h1>
<p class="muted">What was sent to the e-mail platforms, newest first
{%- if campaign %}, of {{ campaign }} only (<a href="index.html">all campaigns</a>){% endif %}.</p>
{% if waiting != empty %}
<h2>Not sent yet</h2>
<div class="card wide"><table>
<tr><th>campaign</th><th>export</th><th>made</th><th></th></tr>
{% for one in waiting %}<tr><td>{{ one.campaign }}</td><td class="mono">{{ one.export_id }}</td><td>{{ one.made }}</td>
<td>{% if one.plan %}<a href="exports/{{ one.export_id }}/plan">plan</a>{% endif %}
{% if one.preview %}<a href="exports/{{ one.export_id }}/preview">preview</a>{% endif %}</td></tr>
{% endfor %}</table></div>
<h2>Exports</h2>
{% endif %}
{% if exports != empty %}
<div class="card wide dense"><table>
<tr><th>when, with receipt</th><th>campaign</th><th>account</th><th>status</th>
{% for label in labels %}<th class="number">{{ label }}</th>{% endfor %}<th></th></tr>
{% for one in exports %}
<tr><td style="white-space:nowrap"><a href="exports/{{ one.export_id }}">{{ one.finished }}</a></td>
<td><a href="index.html?campaign={{ one.campaign }}">{{ one.campaign }}</a></td><td>{{ one.platform }}</td>
<td><span class="pill {{ one.verdict }}" title="{{ one.first_line }}">{{ one.status }}</span></td>
{% for count in one.counts %}<td class="number">{{ count }}</td>{% endfor %}
<td>{% if one.preview %}<a href="exports/{{ one.export_id }}/preview">preview</a>{% endif %}</td></tr>
{% endfor %}</table></div>
{% else %}<p class="card">Nothing was exported yet. Trigger the DAG <b>pre_send_refresh</b> for a campaign.</p>
{% endif %}
"""
_ONE = """
<p><a href="../index.html">Campaigns</a></p>
<h1>{{ campaign }}</h1>
<p class="muted">Export <span class="mono">{{ export_id }}</span> to {{ platform }}, {{ started }} to {{ finished }}
{%- if usable %}, usable there since {{ usable }}{% endif %}</p>
<div class="card told {{ verdict }}">{% for line in lines %}<p>{{ line }}</p>{% endfor %}</div>
{% if plan %}<p><a href="{{ export_id }}/plan">The plan before it</a></p>{% endif %}
{% if preview %}<p><a href="{{ export_id }}/preview">Preview of some mails</a> (personal data)</p>{% endif %}
<div class="counts">{% for count in counts %}<div><b>{{ count[1] }}</b>{{ count[0] }}</div>
{% endfor %}</div>
{% for table in tables %}
<h2>{{ table.title }}</h2>
{% if table.rows == empty %}<p class="muted">{{ table.none }}</p>{% else %}
<div class="card wide"><table>
{% for row in table.rows %}<tr><td>{{ row[0] }}</td><td class="{{ row[2] }}">{{ row[1] }}</td></tr>
{% endfor %}</table></div>{% endif %}
{% endfor %}
"""
_COUNTS = {
    "audience": "in the audience",
    "holdout": "held out",
    "suppressed": "suppressed",
    "added": "new",
    "changed": "changed",
    "removed": "removed",
    "unchanged": "unchanged",
    "exported": "sent",
    "rejected": "rejected",
    "dead_letters": "refused for good before",
}
_BATCHES = 50  # that are listed
_DECIDED = {
    "segment": "segment",
    "segment_definition_sha256": "definition of the segment (SHA-256)",
    "configuration_sha256": "configuration of the run (SHA-256)",
    "send_at": "send at",
    "profiles_as_of": "profiles as of",
    "holdout_share": "share held out",
    "holdout_family": "control group of the family",
    "target_sha256": "everybody who should be at the platform (SHA-256)",
}


def list_page(exports: Sequence[Proof], waiting: Sequence[Path], campaign: str | None = None) -> str:
    """All exports, newest first; `waiting` are folders of exports that have not ended."""
    return html_page(
        "Campaigns",
        _LIST,
        campaign=campaign,
        waiting=[
            {
                "campaign": folder.parent.name,
                "export_id": folder.name,
                "made": _time(datetime.fromtimestamp(folder.stat().st_mtime, UTC)),
                "plan": (folder / PLAN).exists(),
                "preview": (folder / PREVIEW).exists(),
            }
            for folder in waiting
        ],
        labels=list(_COUNTS.values()),
        exports=[_line(export) for export in exports],
    )


def export_page(export: Proof, decision: Decision | None = None) -> str:
    """One export: what happened, what a person decided about it, counts, who was not written to and why, what was
    rejected and why, what was read."""
    found, manifest, receipt = outcome_of_export(export), export.manifest, export.receipt
    suppressed = receipt.get("suppressed_by_reason", manifest.get("suppressed_by_reason", {}))
    decided = [
        (label, plain_text(manifest[name])) for name, label in _DECIDED.items() if manifest.get(name) is not None
    ]
    if decision is not None:
        decided.insert(0, ("decision of a person", str(decision)))
    usable = ready_at(export.manifest_file.parent)
    fields = ", ".join(field["name"] for field in manifest.get("fields", ()))
    batches = [
        (batch["reference"] or "no file", f"{batch['accepted']:,} accepted, {len(batch['rejected']):,} rejected")
        for batch in receipt.get("batches", ())
    ]
    if len(batches) > _BATCHES:
        batches = [*batches[:_BATCHES], ("and", f"{len(batches) - _BATCHES:,} more, in receipt.json")]
    tables = [
        _table(
            "Not written to, by reason", [(meaning_of(name), count) for name, count in suppressed.items()], "nobody"
        ),
        _table("Rejected by the platform, in its words", rejected_by_reason(receipt), "nobody"),
        _table("What was decided", [*decided, ("attributes", f"customer_id, email, {fields}".rstrip(", "))], "unknown"),
        _table("Versions of the tables that were read", sorted(manifest.get("table_versions", {}).items()), "unknown"),
        _table("Batches", batches, "none"),
    ]
    return html_page(
        f"{export.campaign_id}: {export.status}",
        _ONE,
        campaign=export.campaign_id,
        export_id=export.export_id,
        platform=export.platform,
        started=_time(export.started_at),
        finished=_time(export.finished_at),
        usable=_time(usable) if usable else None,
        verdict=found.verdict,
        lines=found.lines,
        plan=export.manifest_file.with_name(PLAN).exists(),
        preview=export.preview is not None,
        counts=[(label, f"{export.counts[name]:,}") for name, label in _COUNTS.items()],
        tables=tables,
    )


def _line(export: Proof) -> dict[str, Any]:
    found = outcome_of_export(export)
    return {
        "export_id": export.export_id,
        "campaign": export.campaign_id,
        "platform": export.platform,
        "status": export.status,
        "verdict": found.verdict,
        "first_line": found.lines[0],
        "finished": _time(export.finished_at),
        "counts": [f"{export.counts[name]:,}" for name in _COUNTS],
        "preview": export.preview is not None,
    }


def _table(title: str, rows: Sequence[tuple[str, Any]], none: str) -> dict[str, Any]:
    shown = [
        (name, f"{value:,}", "number") if isinstance(value, int) else (name, value, "mono" if "SHA-256" in name else "")
        for name, value in rows
    ]
    return {"title": title, "rows": shown, "none": none}


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
