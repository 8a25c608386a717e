"""silver.campaign_members: who received a campaign; response rates divide by them."""

from lakehouse.contracts import DATASETS, LINEAGE
from lakehouse.quality.rules.common import ALIVE, volume_rules
from lakehouse.quality.rules.contract import contract_rules
from lakehouse.quality.rules.rule import Gate
from lakehouse.tables import silver

GATE = Gate(
    silver("campaign_members"),
    (
        *contract_rules(DATASETS["campaign_members"], LINEAGE, unknown_share=0.2),
        *volume_rules("campaign_members", alive=ALIVE),
    ),
)
