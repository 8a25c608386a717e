"""The page about the plan of an export: what would be sent, whether it is ready in time, what guards ask."""

from __future__ import annotations

from lakehouse.activation.planning.send_plan import SendPlan
from lakehouse.activation.records.approvals import Decision
from lakehouse.utils.html_page import html_page

_PAGE = """
<p><a href="../../index.html">Campaigns</a></p>
<h1>{{ heading }}</h1>
<p class="muted">Export <span class="mono">{{ export_id }}</span>, planned {{ made }}, send at {{ send_at }}</p>
<div class="card told {{ verdict }}">{% for line in lines %}<p>{{ line }}</p>{% endfor %}</div>
<p><a href="preview">Preview of some mails</a> (personal data)</p>
<div class="card wide"><table>
{% for row in rows %}<tr><td>{{ row[0] }}</td><td class="number">{{ row[1] }}</td></tr>
{% endfor %}</table></div>
"""


def plan_page(plan: SendPlan, decision: Decision | None) -> str:
    """The plan, with the decision about it, if a person has made one. No personal data."""
    if decision is not None:
        first, verdict = f"It was {decision}.", "good" if decision.is_approved else "bad"
    elif plan.fired:
        first, verdict = "It waits for approval.", "warn"
    else:
        first, verdict = "Nobody has to approve it.", "warn" if plan.warnings else "good"
    return html_page(
        plan.title,
        _PAGE,
        heading=plan.title,
        export_id=plan.export_id,
        made=f"{plan.made_at:%Y-%m-%d %H:%M} UTC",
        send_at=f"{plan.send_at:%Y-%m-%d %H:%M} UTC",
        verdict=verdict,
        lines=[first, *(line[0].upper() + line[1:] for line in plan.warnings)],
        rows=plan.table,
    )
