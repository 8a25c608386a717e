"""silver.redemptions: coupons redeemed; each is a response to a campaign."""

from lakehouse.contracts import DATASETS, LINEAGE
from lakehouse.quality.rules.common import ALIVE, not_from_the_future_rule, volume_rules
from lakehouse.quality.rules.contract import contract_rules
from lakehouse.quality.rules.rule import Gate
from lakehouse.tables import silver

GATE = Gate(
    silver("redemptions"),
    (
        *contract_rules(DATASETS["redemptions"], LINEAGE, unknown_share=0.2),
        *volume_rules("redemptions", alive=ALIVE),
        not_from_the_future_rule("redemptions", "redeemed_at"),
    ),
)
