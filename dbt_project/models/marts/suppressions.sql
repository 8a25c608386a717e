with contacts as (select * from {{ ref('stg_contacts') }}),

consent as (select * from {{ ref('int_email_consent') }}),

holds as (
    select * from {{ ref('int_mail_holds') }}
    where mailbox not like 'contact:%'
),

addresses as (
    select
        email as address,
        max(case when is_deleted then 0 else 1 end) = 0 as is_deleted,
        min(created_at) as created_at,
        max(updated_at) as updated_at
    from contacts
    where email is not null
    group by email
),

invalid_addresses as (
    select
        lower(trim(email_received)) as address,
        'invalid_address' as reason,
        min(updated_at) as suppressed_at
    from contacts
    where email is null and trim(email_received) <> ''
    group by lower(trim(email_received))
),

decisions as (
    select
        coalesce(addresses.address, consent.mailbox) as address,
        case
            when consent.status = 'complained' then 'complained'
            when consent.status = 'bounced' then 'bounced'
            when consent.status = 'withdrawn' then 'unsubscribed'
            when addresses.is_deleted then 'deleted_contact'
            when consent.status is null then 'never_opted_in'
        end as reason,
        case
            when consent.status <> 'granted' then consent.changed_at
            when addresses.is_deleted then addresses.updated_at
            else addresses.created_at
        end as suppressed_at
    from addresses
    full outer join consent on addresses.address = consent.mailbox
    where addresses.address is not null or consent.mailbox not like 'contact:%'
),

reasons as (
    select
        coalesce(decisions.address, holds.mailbox) as address,
        coalesce(decisions.reason, holds.reason) as reason,
        case when decisions.reason is null then holds.held_since_at else decisions.suppressed_at end as suppressed_at
    from decisions
    full outer join holds on decisions.address = holds.mailbox
)

select
    address,
    reason,
    suppressed_at
from reasons
where reason is not null
union all
select
    invalid_addresses.address,
    invalid_addresses.reason,
    invalid_addresses.suppressed_at
from invalid_addresses
left anti join reasons on invalid_addresses.address = reasons.address
