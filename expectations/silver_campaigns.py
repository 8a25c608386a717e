"""silver.campaigns: past and planned campaigns; responses are counted between their first and last moment."""

from lakehouse.contracts import DATASETS, LINEAGE
from lakehouse.quality.rules.common import ALIVE, rows_rule, volume_rules
from lakehouse.quality.rules.contract import contract_rules
from lakehouse.quality.rules.rule import Gate, Severity
from lakehouse.tables import silver

GATE = Gate(
    silver("campaigns"),
    (
        *contract_rules(DATASETS["campaigns"], LINEAGE),
        *volume_rules("campaigns", alive=ALIVE),
        rows_rule(
            "campaigns.ends_at.plausible",
            "No campaign lasts longer than a year",
            "ends_at > starts_at + interval 366 days",
            Severity.WARNING,
        ),
    ),
)
