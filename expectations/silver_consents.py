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

# Rejected rows that may be a refusal and in which nobody can be recognised: more of them block.
UNRECOGNISED_BLOCK = 20
_UNRECOGNISED = "(select identifier_type from {silver.mail_holds} where identifier_type = 'unrecognised')"
# References whose newest word before a run was a withdrawal, and which the run turned into grants: more of them warn,
# or block. A withdrawal and a later grant that come together, as in a first load, are history.
TURNED_WARNING, TURNED_BLOCK = 5, 100
_TURNED = """(
    select
        max(case when status = 'withdrawn' then changed_at end) as withdrawn_at,
        max(case when status = 'withdrawn' and _batch_id <> newest.batch_id then changed_at end) as withdrawn_before_at,
        max(case when status = 'granted' and _batch_id = newest.batch_id then changed_at end) as granted_at,
        max(case when status = 'granted' and _batch_id <> newest.batch_id then changed_at end) as granted_before_at
    from {table}
    cross join (select max_by(_batch_id, _ingested_at) as batch_id from {table}) as newest
    where channel = 'email' and purpose = 'marketing'
    group by reference_type, customer_reference
)"""
_IS_TURNED = (
    "granted_at > withdrawn_at and withdrawn_before_at is not null"
    " and (granted_before_at is null or granted_before_at <= withdrawn_before_at)"
)


def _turned_rule(rule_id: str, maximum: int, severity: Severity) -> Rule:
    return Rule(
        rule_id,
        f"The newest run turned at most {maximum} withdrawals into grants, as an import that resets consents would",
        f"count_if({_IS_TURNED})",
        severity,
        value=f"count_if({_IS_TURNED})",
        maximum=maximum,
        relation=_TURNED,
    )


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
            "No change of permission is in quarantine: see `lakehouse quarantine show consents`",
            "count(*)",
            Severity.WARNING,
            relation="{silver.consents_quarantine}",
        ),
        Rule(
            "consents.refusals.recognised",
            "In every rejected row that may be a refusal somebody can be recognised, and is held back from mail",
            "count(*)",
            Severity.WARNING,
            relation=_UNRECOGNISED,
        ),
        Rule(
            "consents.refusals.recognised_mostly",
            f"In at most {UNRECOGNISED_BLOCK} rejected rows that may be a refusal nobody can be recognised",
            "count(*)",
            value="count(*)",
            maximum=UNRECOGNISED_BLOCK,
            relation=_UNRECOGNISED,
        ),
        _turned_rule("consents.withdrawals.turned", TURNED_WARNING, Severity.WARNING),
        _turned_rule("consents.withdrawals.turned_many", TURNED_BLOCK, Severity.BLOCKING),
    ),
)
