-- A contact without a valid address is a mailbox of its own. A reference is `exact`, or `loose`: an id that no contact
-- has as it is written, and that is a contact's but for zeros in front. Only refusals are read loosely.
with contacts as (select * from {{ ref('stg_contacts') }}),

identities as (select * from {{ ref('int_identities') }}),

consents as (select * from {{ ref('stg_consents') }}),

mailboxes as (
    select
        coalesce(contacts.email, concat('contact:', contacts.contact_id)) as mailbox,
        contacts.contact_id,
        contacts.loyalty_id,
        contacts.email,
        contacts.created_at,
        contacts.is_deleted,
        identities.customer_id
    from contacts
    inner join identities on contacts.contact_id = identities.identifier and identities.identifier_type = 'crm_id'
),

unknown_ids as (
    select distinct consents.customer_reference
    from consents
    left anti join contacts on consents.customer_reference = contacts.contact_id
    where consents.reference_type = 'crm_id' and consents.status <> 'granted'
)

select
    mailbox,
    customer_id,
    created_at,
    is_deleted,
    'crm_id' as reference_type,
    contact_id as customer_reference,
    'exact' as match_type
from mailboxes
union all
select
    mailbox,
    customer_id,
    created_at,
    is_deleted,
    'loyalty_id' as reference_type,
    loyalty_id as customer_reference,
    'exact' as match_type
from mailboxes
where loyalty_id is not null
union all
select
    mailbox,
    customer_id,
    created_at,
    is_deleted,
    'email' as reference_type,
    email as customer_reference,
    'exact' as match_type
from mailboxes
where email is not null
union all
select
    mailboxes.mailbox,
    mailboxes.customer_id,
    mailboxes.created_at,
    mailboxes.is_deleted,
    'crm_id' as reference_type,
    unknown_ids.customer_reference,
    'loose' as match_type
from mailboxes
inner join unknown_ids on ltrim('0', mailboxes.contact_id) = ltrim('0', unknown_ids.customer_reference)
