"""gold.suppressions: addresses that must not be mailed. Nobody whose address is here may be mailable."""

from lakehouse.quality.rules.common import rows_rule, volume_rules
from lakehouse.quality.rules.mart import mart_rules
from lakehouse.quality.rules.rule import Gate, Rule
from lakehouse.tables import gold

_SUPPRESSED_PROFILES = """(
    select profiles.is_mailable
    from {gold.dim_customers} as profiles
    inner join (select distinct address from {table}) as suppressed
        on lower(trim(profiles.email)) = suppressed.address
)"""
_REFUSALS = """(
    select suppressed.address
    from (
        select email
        from {gold.dim_customers}
        where email is not null and email_consent_status in ('withdrawn', 'bounced', 'complained')
    ) as refused
    left join (select distinct address from {table}) as suppressed
        on lower(trim(refused.email)) = suppressed.address
)"""

GATE = Gate(
    gold("suppressions"),
    (
        *mart_rules("suppressions"),
        rows_rule(
            "suppressions.address.normalised",
            "Addresses are in lower case without blanks around them",
            "address <> lower(trim(address))",
        ),
        # Only complaints and dead addresses stay for good. All other reasons may end: with a new grant, a repaired row
        # or a corrected address. The gates of silver.consents and silver.contacts check those.
        *volume_rules("suppressions", kept=("undeliverable", "reason in ('complained', 'bounced')")),
        Rule(
            "suppressions.address.not_mailable",
            "No mailable profile has a suppressed address",
            "count_if(is_mailable)",
            relation=_SUPPRESSED_PROFILES,
        ),
        Rule(
            "suppressions.withdrawn.listed",
            "Every address that is withdrawn, bounced or complained is suppressed",
            "count_if(address is null)",
            relation=_REFUSALS,
        ),
    ),
)
