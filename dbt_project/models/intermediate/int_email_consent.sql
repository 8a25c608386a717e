-- The newest change decides for each reference (on the same moment the most restrictive), then the most restrictive of all
-- references that lead to the address decides for the address: who withdrew once anywhere is not mailed.
with contacts as (select * from {{ ref('stg_contacts') }}),

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
        contact_id as customer_reference
    from contacts
    union
    select
        coalesce(email, concat('contact:', contact_id)) as mailbox,
        'loyalty_id' as reference_type,
        loyalty_id as customer_reference
    from contacts
    where loyalty_id is not null
    union
    select
        customer_reference as mailbox,
        'email' as reference_type,
        customer_reference
    from consents
    where reference_type = 'email'
),

decisions as (
    select
        mailboxes.mailbox,
        newest.status,
        newest.changed_at,
        row_number() over (
            partition by mailboxes.mailbox order by newest.severity desc, newest.changed_at desc
        ) as rank_of_decision
    from mailboxes
    inner join newest
        on
            mailboxes.reference_type = newest.reference_type
            and mailboxes.customer_reference = newest.customer_reference
            and newest.rank_of_change = 1
)

select
    mailbox,
    status,
    changed_at
from decisions
where rank_of_decision = 1
