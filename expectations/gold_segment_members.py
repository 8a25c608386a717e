"""gold.segment_members: who is in which segment; audiences are drawn from it."""

from lakehouse.quality.rules.common import rows_rule, volume_rules
from lakehouse.quality.rules.contract import unique_rule
from lakehouse.quality.rules.rule import Gate, Rule
from lakehouse.tables import gold

_PROFILES = (
    "(select members.is_mailable, profiles.customer_id, profiles.is_mailable as profile_is_mailable from {table} as members"
    " left join (select customer_id, is_mailable from {gold.dim_customers}) as profiles on members.customer_id = profiles.customer_id)"
)

GATE = Gate(
    gold("segment_members"),
    (
        unique_rule("segment_members", ("segment", "customer_id")),
        rows_rule(
            "segment_members.key.required",
            "segment and customer_id are filled",
            "segment is null or customer_id is null",
        ),
        *volume_rules("segment_members", may_shrink_by=0.5),
        Rule(
            "segment_members.customer_id.references",
            "Every member has a profile",
            "count_if(customer_id is null)",
            relation=_PROFILES,
        ),
        Rule(
            "segment_members.is_mailable.profile",
            "A member is mailable exactly when the profile is",
            "count_if(customer_id is not null and not (is_mailable <=> profile_is_mailable))",
            relation=_PROFILES,
        ),
    ),
)
