"""silver.contacts: one row per contact of a CRM. Campaigns can only reach contacts with a deliverable address."""

from lakehouse.contracts import DATASETS, LINEAGE
from lakehouse.quality.rules.common import (
    ALIVE,
    filled_rule,
    fresh_rule,
    not_from_the_future_rule,
    share_rule,
    volume_rules,
)
from lakehouse.quality.rules.contract import contract_rules
from lakehouse.quality.rules.rule import Gate, Severity
from lakehouse.tables import silver

_HAS_EMAIL = f"{ALIVE} and email is not null"

GATE = Gate(
    silver("contacts"),
    (
        *contract_rules(DATASETS["contacts"], LINEAGE),
        *volume_rules("contacts", alive=ALIVE, is_empty_blocking=True),
        fresh_rule("contacts", "updated_at", hours=24 * 45),
        not_from_the_future_rule("contacts", "updated_at"),
        filled_rule("contacts", "email", 0.5, among=ALIVE),
        share_rule(
            "contacts.email.deliverable",
            "At least 90% of the e-mail addresses are deliverable addresses",
            "email_normalised is null",
            0.1,
            among=_HAS_EMAIL,
        ),
        share_rule(
            "contacts.email.broken",
            "At least half of the e-mail addresses are deliverable addresses: fewer means that the delivery is broken",
            "email_normalised is null",
            0.5,
            among=_HAS_EMAIL,
            severity=Severity.BLOCKING,
        ),
    ),
)
