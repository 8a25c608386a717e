{{ config(materialized='table') }}

-- The newest change decides for each reference (on the same moment the most restrictive), then the most restrictive of all
-- references that lead to the address decides for the address. A grant is good for the address it was given for, a bounce says
-- something about one address; a withdrawal or a complaint is a person's, and ends the older grants of all the person's
-- addresses, also when it was said with an address or a loyalty id that the person no longer has. What a contact granted goes with
-- it when it is deleted, whoever else has its address; what it refused stays.
with contacts as (select * from {{ ref('stg_contacts') }}),

identifiers_of_contacts as (select * from {{ ref('stg_contact_identifiers') }}),

identities as (select * from {{ ref('int_identities') }}),

consents as (
    select
        *,
        case status when 'complained' then 4 when 'bounced' then 3 when 'withdrawn' then 2 else 1 end as severity
    from {{ ref('stg_consents') }}
    where channel = 'email' and purpose = 'marketing'
),

newest as (
    select
        reference_type,
        customer_reference,
        status,
        severity,
        changed_at,
        row_number() over (partition by reference_type, customer_reference order by changed_at desc, severity desc) as rank_of_change
    from consents
),

-- A contact without a valid address is a mailbox of its own.
mailboxes as (
    select
        coalesce(email, concat('contact:', contact_id)) as mailbox,
        'crm_id' as reference_type,
        contact_id as customer_reference,
        is_deleted
    from contacts
    union
    select
        coalesce(email, concat('contact:', contact_id)) as mailbox,
        'loyalty_id' as reference_type,
        loyalty_id as customer_reference,
        is_deleted
    from contacts
    where loyalty_id is not null
    union
    select
        customer_reference as mailbox,
        'email' as reference_type,
        customer_reference,
        false as is_deleted
    from consents
    where reference_type = 'email'
),

decisions_on_mailbox as (
    select
        mailboxes.mailbox,
        newest.status,
        newest.severity,
        newest.changed_at
    from mailboxes
    inner join newest
        on
            mailboxes.reference_type = newest.reference_type
            and mailboxes.customer_reference = newest.customer_reference
            and newest.rank_of_change = 1
    where newest.status <> 'granted' or not mailboxes.is_deleted
),

refusals as (
    select
        identities.customer_id,
        newest.status,
        newest.severity,
        newest.changed_at
    from newest
    inner join identities
        on newest.reference_type = identities.identifier_type and newest.customer_reference = identities.identifier
    where newest.rank_of_change = 1 and newest.status in ('withdrawn', 'complained')
    union
    -- With an identifier that several people had in turn, the refusal is taken for each of them.
    select
        identities.customer_id,
        newest.status,
        newest.severity,
        newest.changed_at
    from newest
    inner join identifiers_of_contacts
        on
            newest.reference_type = identifiers_of_contacts.identifier_type
            and newest.customer_reference = identifiers_of_contacts.identifier
    inner join identities on identifiers_of_contacts.contact_id = identities.identifier and identities.identifier_type = 'crm_id'
    where newest.rank_of_change = 1 and newest.status in ('withdrawn', 'complained')
),

people_of_mailboxes as (
    select
        coalesce(contacts.email, concat('contact:', contacts.contact_id)) as mailbox,
        identities.customer_id
    from contacts
    inner join identities on contacts.contact_id = identities.identifier and identities.identifier_type = 'crm_id'
),

decisions as (
    select
        mailbox,
        status,
        severity,
        changed_at
    from decisions_on_mailbox
    union all
    select
        granted.mailbox,
        refusals.status,
        refusals.severity,
        refusals.changed_at
    from decisions_on_mailbox as granted
    inner join people_of_mailboxes on granted.mailbox = people_of_mailboxes.mailbox
    inner join refusals on people_of_mailboxes.customer_id = refusals.customer_id and granted.changed_at <= refusals.changed_at
    where granted.status = 'granted'
),

ranks as (
    select
        mailbox,
        status,
        changed_at,
        row_number() over (partition by mailbox order by severity desc, changed_at desc) as rank_of_decision
    from decisions
)

select
    mailbox,
    status,
    changed_at
from ranks
where rank_of_decision = 1
