"""silver.identities: identifier -> person. Whoever is missing here is missing in gold; a wrong link mails a
stranger."""

from lakehouse.contracts import IDENTITIES
from lakehouse.quality.rules.common import volume_rules
from lakehouse.quality.rules.contract import contract_rules
from lakehouse.quality.rules.rule import Gate, Rule, Severity
from lakehouse.tables import silver

# More CRM contacts than this in one person is a family, a shop or a test account rather than a person.
_MANY_CONTACTS = 20

_PERSONS = """(
    select sum(1) as n, max(customer_id = own_customer_id) as is_rooted
    from {table}
    group by customer_id
)"""
_CONTACTS_OF_PERSONS = """(
    select customer_id, sum(1) as n
    from {table}
    where identifier_type = 'crm_id'
    group by customer_id
)"""
_UNRESOLVED = """(
    select lines.n, known.identifier is null as is_unresolved
    from (
        select reference_type, customer_reference, sum(1) as n
        from {silver.transactions}
        where not _is_deleted
        group by reference_type, customer_reference
    ) as lines
    left join (select identifier_type, identifier from {table}) as known
        on lines.reference_type = known.identifier_type and lines.customer_reference = known.identifier
)"""

GATE = Gate(
    silver("identities"),
    (
        *contract_rules(IDENTITIES),
        *volume_rules("identities", is_empty_blocking=True),
        Rule(
            "identities.customer_id.rooted",
            "Every customer_id is the own id of one of its identifiers",
            "coalesce(sum(case when is_rooted then 0 else n end), 0)",
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
            "identities.transactions.resolved",
            "Every transaction line belongs to a person: lines that do not would be missing in gold",
            "coalesce(sum(case when is_unresolved then n else 0 end), 0)",
            # Lines may arrive while identities are resolved; what is still missing in gold blocks there, to the cent.
            Severity.WARNING,
            checked="coalesce(sum(n), 0)",
            relation=_UNRESOLVED,
            detail="concat(cast(count_if(is_unresolved) as string), ' references without a person')",
        ),
    ),
)
