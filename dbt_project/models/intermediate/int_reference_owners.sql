-- With an identifier that several people had in turn, each of them is an owner: what was refused with it is taken for
-- all of them.
with identities as (select * from {{ ref('int_identities') }}),

identifiers_of_contacts as (select * from {{ ref('stg_contact_identifiers') }})

select
    identifier_type as reference_type,
    identifier as customer_reference,
    customer_id
from identities
union
select
    identifiers_of_contacts.identifier_type as reference_type,
    identifiers_of_contacts.identifier as customer_reference,
    identities.customer_id
from identifiers_of_contacts
inner join identities
    on identifiers_of_contacts.contact_id = identities.identifier and identities.identifier_type = 'crm_id'
