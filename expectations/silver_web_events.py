"""silver.web_events: what people did on a site, each event once."""

from lakehouse.contracts import DATASETS, LINEAGE
from lakehouse.quality.rules.common import ALIVE, not_from_the_future_rule, share_rule, volume_rules
from lakehouse.quality.rules.contract import contract_rules
from lakehouse.quality.rules.rule import Gate
from lakehouse.tables import silver

GATE = Gate(
    silver("web_events"),
    (
        *contract_rules(DATASETS["web_events"], LINEAGE),
        *volume_rules("web_events", alive=ALIVE),
        not_from_the_future_rule("web_events", "occurred_at"),
        share_rule("web_events.is_bot.share", "At most half of the events are those of crawlers", "is_bot", 0.5),
    ),
)
