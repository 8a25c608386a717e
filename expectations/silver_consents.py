"""silver.consents: every change of permission. The firewall before a send rests on it, so its values must be beyond
doubt."""

from lakehouse.contracts import DATASETS, LINEAGE
from lakehouse.quality.rules.common import ALIVE, not_from_the_future_rule, volume_rules
from lakehouse.quality.rules.contract import contract_rules
from lakehouse.quality.rules.rule import Gate, Rule, Severity
from lakehouse.tables import silver

# A permission of a contact that the CRM does not deliver: it protects nobody until the contact comes.
_UNKNOWN_CONTACTS = """(
    select changes.n, contacts.contact_id is null as is_unknown
    from (
        select customer_reference, sum(1) as n
        from {table}
        where reference_type = 'crm_id'
        group by customer_reference
    ) as changes
    left join (select contact_id from {silver.contacts}) as contacts
        on changes.customer_reference = contacts.contact_id
)"""

GATE = Gate(
    silver("consents"),
    (
        *contract_rules(DATASETS["consents"], LINEAGE),
        *volume_rules("consents", alive=ALIVE),
        not_from_the_future_rule("consents", "changed_at"),
        Rule(
            "consents.customer_reference.references",
            "Permissions given by CRM id belong to a contact in silver.contacts",
            "coalesce(sum(case when is_unknown then n else 0 end), 0)",
            Severity.WARNING,
            "coalesce(sum(n), 0)",
            relation=_UNKNOWN_CONTACTS,
            detail="concat(cast(count_if(is_unknown) as string), ' unknown contacts')",
        ),
        Rule(
            "consents.rows.understood",
            "No change of permission is in quarantine, where a refusal has no effect:"
            " see `lakehouse quarantine show consents`",
            "count(*)",
            Severity.WARNING,
            relation="{silver.consents_quarantine}",
        ),
    ),
)
