"""silver.identities: identifier -> person. Whoever is missing here is missing in gold; a wrong link mails a
stranger."""

from lakehouse.contracts import IDENTITIES
from lakehouse.quality.rules.common import volume_rules
from lakehouse.quality.rules.contract import contract_rules
from lakehouse.quality.rules.rule import Gate, Rule, Severity
from lakehouse.tables import silver

# More CRM contacts than this in one person is a family, a shop or a test account rather than a person.
_MANY_CONTACTS = 20
_FEW = 0.2

_PERSONS = """(
    select
        sum(1) as n,
        count_if(rule in ('root', 'too_widely_shared', 'placeholder', 'reference_only')) as count_roots
    from {table}
    group by customer_id
)"""
_CONTACTS_OF_PERSONS = """(
    select customer_id, sum(1) as n
    from {table}
    where identifier_type = 'crm_id'
    group by customer_id
)"""
_FEW_MISSING = 0.1
_CONTACTS = """(
    select known.identifier is null as is_missing
    from (select contact_id from {silver.contacts} where not _is_deleted) as contacts
    left join (select identifier from {table} where identifier_type = 'crm_id') as known
        on contacts.contact_id = known.identifier
)"""
# What orders, coupons and permissions refer to; n: lines of orders. Where hardly any CRM id is a contact's, they are
# written otherwise than the contacts' own.
_REFERENCES = """(
    select
        lines.n,
        known.identifier is null as is_unresolved,
        lines.reference_type = 'crm_id' as is_crm_id,
        lines.reference_type = 'crm_id' and known.rule in ('reference_only', 'placeholder') as is_strange,
        crm.contacts
    from (
        select reference_type, customer_reference, sum(n) as n
        from (
            select reference_type, customer_reference, 1 as n
            from {silver.transactions}
            where not _is_deleted
            union all
            select reference_type, customer_reference, 0 as n from {silver.redemptions}
            union all
            select reference_type, customer_reference, 0 as n from {silver.consents}
        ) as referring
        where customer_reference is not null
        group by reference_type, customer_reference
    ) as lines
    left join (select identifier_type, identifier, rule from {table}) as known
        on lines.reference_type = known.identifier_type and lines.customer_reference = known.identifier
    cross join (
        select count_if(rule not in ('reference_only', 'placeholder')) as contacts
        from {table}
        where identifier_type = 'crm_id'
    ) as crm
)"""
_IS_STRANGE = f"max(contacts) > 0 and count_if(is_strange) > {_FEW} * count_if(is_crm_id)"

GATE = Gate(
    silver("identities"),
    (
        *contract_rules(IDENTITIES),
        *volume_rules("identities", is_empty_blocking=True, is_derived=True),
        Rule(
            "identities.contacts.complete",
            f"At least {1 - _FEW_MISSING:.0%} of the contacts belong to a person (some may have come since)",
            f"case when count_if(is_missing) > {_FEW_MISSING} * count(*) then count_if(is_missing) else 0 end",
            relation=_CONTACTS,
            detail="concat(cast(count_if(is_missing) as string), ' of no person')",
        ),
        Rule(
            "identities.customer_id.rooted",
            "Every customer_id has one oldest identifier, which all others are linked to",
            "coalesce(sum(case when count_roots = 1 then 0 else n end), 0)",
            relation=_PERSONS,
        ),
        Rule(
            "identities.customer_id.plausible",
            f"No person has more than {_MANY_CONTACTS} CRM contacts",
            f"coalesce(sum(case when n > {_MANY_CONTACTS} then n else 0 end), 0)",
            Severity.WARNING,
            relation=_CONTACTS_OF_PERSONS,
            detail="concat('largest: ', cast(coalesce(max(n), 0) as string), ' contacts')",
        ),
        Rule(
            "identities.references.of_contacts",
            f"At most {_FEW:.0%} of the CRM ids that orders, coupons and permissions refer to are of no contact",
            f"case when {_IS_STRANGE} then count_if(is_strange) else 0 end",
            Severity.WARNING,
            "count_if(is_crm_id)",
            relation=_REFERENCES,
            detail="concat(cast(count_if(is_strange) as string), ' of no contact')",
        ),
        Rule(
            "identities.transactions.resolved",
            "Every transaction line of a customer belongs to a person: one that does not would be missing in gold",
            "coalesce(sum(case when is_unresolved then n else 0 end), 0)",
            # Lines may arrive while identities are resolved; what is still missing in gold blocks there, to the cent.
            Severity.WARNING,
            checked="coalesce(sum(n), 0)",
            relation=_REFERENCES,
            detail="concat(cast(count_if(is_unresolved and n > 0) as string), ' references without a person')",
        ),
    ),
)
