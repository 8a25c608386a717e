"""What a preview tells: the campaign, the counts of its plan, and recipients with their mails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.preview.mail_templates import Mail


@dataclass(frozen=True)
class Recipient:
    """One person whose mail is shown.

    Attributes:
        chosen_for: why this person is shown ("largest payload").
        payload: exactly what is sent: customer_id, email and attributes.
        action: added, changed or unchanged at the destination.
        detail: what the segment knows about the member, or None.
        consent: permission for e-mail marketing, as in gold.dim_customers.
        consent_at: since when.
        mail: the rendered mail; None for a campaign without a template.
    """

    chosen_for: str
    payload: Mapping[str, Any]
    action: str
    detail: str | None
    consent: str | None
    consent_at: datetime | None
    mail: Mail | None


@dataclass(frozen=True)
class Preview:
    """One campaign before its export. `counts` and `suppressed` are those of the plan, by name and by reason."""

    campaign: Campaign
    export_id: str
    as_of: datetime | None
    segment_description: str
    template: str | None
    counts: Mapping[str, int]
    suppressed: Mapping[str, int]
    recipients: Sequence[Recipient]
