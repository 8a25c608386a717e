"""The preview as a page: self-contained, without scripts; each mail is in a frame that may do nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.campaigns.export_fields import ExportField
from lakehouse.activation.consent.suppression_reasons import meaning_of
from lakehouse.activation.preview.facts import Preview, Recipient
from lakehouse.utils.canonical_json import plain_text
from lakehouse.utils.html_page import html_page

_PAGE = """
<h1>Preview of {{ campaign_id }}</h1>
<p class="muted">Export <span class="mono">{{ export_id }}</span> to {{ platform }}, send at {{ send_at }}
{%- if as_of %}, profiles as of {{ as_of }}{% endif %}.
Nothing was sent by making this page. It shows personal data: do not pass it on.</p>

<div class="card">
<p><b>Segment {{ segment }}</b></p>
<p>{{ description }}</p>
<p class="muted">Hold-out: {{ holdout }}.
{% if template %}Mails are rendered from {{ template }}; images and links of a mail are not loaded here.
{% else %}The campaign has no template, so what is shown is the data that is sent:
add <span class="mono">templates/{{ campaign_id }}.liquid</span> to the configuration folder to see mails.
{% endif %}</p>
</div>

<div class="counts">
{% for count in counts %}<div><b>{{ count[1] }}</b>{{ count[0] }}</div>
{% endfor %}</div>
{% if suppressed != empty %}
<div class="card wide"><table>
<tr><th>not written to, because</th><th class="number">customers</th></tr>
{% for reason in suppressed %}<tr><td>{{ reason[0] }}</td><td class="number">{{ reason[1] }}</td></tr>
{% endfor %}</table></div>
{% endif %}

<h2>{{ recipients.size }} of those who get it</h2>
{% for recipient in recipients %}
<div class="card mail">
<div>
<p class="subject">{{ recipient.email }}</p>
<p><span class="pill plain">{{ recipient.chosen_for }}</span> <span class="pill plain">{{ recipient.action }}</span></p>
<table>
<tr><td>customer</td><td class="mono">{{ recipient.customer_id }}</td></tr>
<tr><td>why</td><td>member of {{ segment }}{% if recipient.detail %}: {{ recipient.detail }}{% endif %}</td></tr>
<tr><td>consent</td><td>{{ recipient.consent }}</td></tr>
<tr><td>hold-out</td><td>{{ recipient.holdout }}</td></tr>
{% for row in recipient.rows %}<tr><td>{{ row[0] }}</td><td>
{% if row[1] != "" %}{{ row[1] }}{% else %}<span class="muted">empty</span>{% endif %}
{% if row[2] != "" %}<span class="muted">({{ row[2] }})</span>{% endif %}</td></tr>
{% endfor %}</table>
</div>
<div>
{% if recipient.subject %}<p class="subject">{{ recipient.subject }}</p>
<iframe sandbox="" srcdoc="{{ recipient.html }}" title="Mail to {{ recipient.email }}" loading="lazy"></iframe>
{% else %}<p class="muted">no template, no mail to show</p>{% endif %}
</div>
</div>
{% else %}
<p class="card">Nobody gets this campaign: the audience is empty, or everybody in it is held out or suppressed.</p>
{% endfor %}
"""
_COUNTS = {
    "audience": "in the audience",
    "holdout": "held out",
    "suppressed": "suppressed",
    "added": "new",
    "changed": "changed",
    "removed": "to remove",
    "unchanged": "unchanged",
}


def render_preview(preview: Preview) -> str:
    """The page, complete HTML. Every value on it is text, whatever it holds."""
    campaign = preview.campaign
    return html_page(
        f"Preview of {campaign.id}",
        _PAGE,
        campaign_id=campaign.id,
        export_id=preview.export_id,
        platform=campaign.destination,
        send_at=_time(campaign.send_at),
        as_of=_time(preview.as_of),
        segment=campaign.segment,
        description=preview.segment_description or "The segment has no description.",
        template=preview.template,
        holdout=_holdout(campaign),
        counts=[(label, f"{preview.counts.get(name, 0):,}") for name, label in _COUNTS.items()],
        suppressed=[(meaning_of(reason), f"{count:,}") for reason, count in sorted(preview.suppressed.items())],
        recipients=[_shown(recipient, campaign) for recipient in preview.recipients],
    )


def _shown(recipient: Recipient, campaign: Campaign) -> dict[str, Any]:
    attributes = recipient.payload["attributes"]
    since = f" since {_time(recipient.consent_at)}" if recipient.consent_at else ", not recorded since when"
    return {
        "customer_id": recipient.payload["customer_id"],
        "email": recipient.payload["email"],
        "chosen_for": recipient.chosen_for,
        "action": recipient.action,
        "detail": recipient.detail,
        "consent": (recipient.consent or "unknown") + since,
        "holdout": "not in the control group" if campaign.holdout_share else "none",
        "rows": [(field.name, _text(attributes.get(field.name)), _origin(field)) for field in campaign.fields],
        "subject": recipient.mail.subject or "(no subject)" if recipient.mail else None,
        "html": recipient.mail.html if recipient.mail else "",
    }


def _origin(field: ExportField) -> str:
    """The column behind an attribute, where the attribute is not the column as it is."""
    if field.bucket is not None:
        return f"band of {field.column}"
    return field.column if field.column != field.name else ""


def _holdout(campaign: Campaign) -> str:
    if not campaign.holdout_share:
        return "none, everybody in the audience who may be written to gets the mail"
    return f"{campaign.holdout_share:.0%} of the family {campaign.family} get nothing, as control group"


def _text(value: Any) -> str:
    return "" if value is None else plain_text(value)


def _time(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else ""
