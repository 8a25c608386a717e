"""silver.transactions: one row per line of a receipt. Every spend in gold is a sum of these, so it balances to the
cent."""

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
from lakehouse.quality.rules.reconciliation import reconciliation_rules
from lakehouse.quality.rules.rule import Gate, Rule, Severity
from lakehouse.tables import silver

_CONTRACT = DATASETS["transactions"]
_AMOUNT = "net_amount"

_ONE_CURRENCY = Rule(
    "transactions.currency.single",
    "All amounts are in one currency: customers who pay in several have no total",
    "coalesce(sum(n) - max(n), 0)",
    Severity.WARNING,
    relation="(select currency, sum(1) as n from {table} group by currency)",
    detail="concat_ws(', ', sort_array(collect_list(currency)))",
)

GATE = Gate(
    silver("transactions"),
    (
        *contract_rules(_CONTRACT, LINEAGE, unknown_share=0.05, references_own_source=True),
        *reconciliation_rules(_CONTRACT, _AMOUNT),
        *volume_rules("transactions", alive=ALIVE, is_empty_blocking=True),
        fresh_rule("transactions", "occurred_at", hours=72),
        not_from_the_future_rule("transactions", "occurred_at"),
        filled_rule("transactions", "store_id", 0.8),
        share_rule(
            "transactions.net_amount.returns",
            "At most a fifth of the lines are returns",
            "net_amount < 0 or quantity < 0",
            0.2,
        ),
        share_rule(
            "transactions.quantity.positive", "At most 5% of the lines have a quantity of zero", "quantity = 0", 0.05
        ),
        _ONE_CURRENCY,
    ),
    amount=_AMOUNT,
)
