"""gold.segment_members: who is in which segment; audiences are drawn from it."""

from lakehouse.quality.rules.common import volume_rules
from lakehouse.quality.rules.mart import mart_rules
from lakehouse.quality.rules.rule import Gate, Rule
from lakehouse.tables import gold

_PROFILES = """(
    select members.is_mailable, profiles.customer_id, profiles.is_mailable as profile_is_mailable
    from {table} as members
    left join (select customer_id, is_mailable from {gold.dim_customers}) as profiles
        on members.customer_id = profiles.customer_id
)"""

GATE = Gate(
    gold("segment_members"),
    (
        *mart_rules("segment_members"),
        *volume_rules("segment_members", may_shrink_by=0.5, is_derived=True),
        Rule(
            "segment_members.is_mailable.profile",
            "A member is mailable exactly when the profile is",
            "count_if(customer_id is not null and not (is_mailable <=> profile_is_mailable))",
            relation=_PROFILES,
        ),
    ),
)
