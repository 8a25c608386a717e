"""silver.products: what is sold. Affinities and category segments need departments and categories."""

from lakehouse.contracts import DATASETS, LINEAGE
from lakehouse.quality.rules.common import ALIVE, filled_rule, volume_rules
from lakehouse.quality.rules.contract import contract_rules
from lakehouse.quality.rules.rule import Gate
from lakehouse.tables import silver

GATE = Gate(
    silver("products"),
    (
        *contract_rules(DATASETS["products"], LINEAGE),
        *volume_rules("products", alive=ALIVE),
        filled_rule("products", "department", 0.8, among=ALIVE),
        filled_rule("products", "category", 0.8, among=ALIVE),
    ),
)
