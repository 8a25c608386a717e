{{ config(materialized='table') }}

-- Permission and deliverability are two things. Permission: of a person's grants and withdrawals, given with whatever
-- reference, the newest decides, and on the same moment the withdrawal. A grant is good for the mailbox it was given
-- for, if the contact that has it existed then; a withdrawal ends the older grants of all the person's mailboxes, also
-- when it was said with an identifier that the person no longer has. Deliverability: a bounce is about one mailbox. No
-- grant lifts a bounce or a complaint, only the status `reinstated` does. Bounces and complaints count whatever the
-- purpose of the mail that caused them.
with mailboxes as (select * from {{ ref('int_mailboxes') }}),

owners as (select * from {{ ref('int_reference_owners') }}),

identities as (select * from {{ ref('int_identities') }}),

statements as (
    select * from {{ ref('stg_consents') }}
    where channel = 'email' and (purpose = 'marketing' or status in ('bounced', 'complained', 'reinstated'))
),

shared_references as (
    select * from identities
    where rule in ('too_widely_shared', 'placeholder')
),

grants as (
    select statements.*
    from statements
    left anti join shared_references
        on
            statements.reference_type = shared_references.identifier_type
            and statements.customer_reference = shared_references.identifier
    where statements.status = 'granted'
),

-- A day is left for clocks, time zones and permissions that are noted before the contact is.
granted as (
    select
        mailboxes.mailbox,
        max(grants.effective_at) as effective_at
    from grants
    inner join mailboxes
        on grants.reference_type = mailboxes.reference_type and grants.customer_reference = mailboxes.customer_reference
    where
        mailboxes.match_type = 'exact'
        and not mailboxes.is_deleted
        and grants.effective_at >= mailboxes.created_at - interval 1 day
    group by mailboxes.mailbox
),

refusals_of_people as (
    select
        owners.customer_id,
        statements.status,
        max(statements.effective_at) as effective_at
    from statements
    inner join owners
        on statements.reference_type = owners.reference_type
            and statements.customer_reference = owners.customer_reference
    where statements.status in ('withdrawn', 'complained')
    group by owners.customer_id, statements.status
),

people_of_mailboxes as (
    select distinct
        mailbox,
        customer_id
    from mailboxes
),

-- What was said with a mailbox's own references counts for it whoever they belong to; an address needs no contact to be
-- refused.
said_of_mailboxes as (
    select
        mailboxes.mailbox,
        statements.status,
        statements.effective_at
    from statements
    inner join mailboxes
        on statements.reference_type = mailboxes.reference_type
            and statements.customer_reference = mailboxes.customer_reference
    where statements.status <> 'granted'
    union all
    select
        customer_reference as mailbox,
        status,
        effective_at
    from statements
    where reference_type = 'email' and status <> 'granted'
    union all
    select
        people_of_mailboxes.mailbox,
        refusals_of_people.status,
        refusals_of_people.effective_at
    from people_of_mailboxes
    inner join refusals_of_people on people_of_mailboxes.customer_id = refusals_of_people.customer_id
),

refused as (
    select
        mailbox,
        max(case when status in ('withdrawn', 'complained') then effective_at end) as withdrawn_at,
        max(case when status = 'complained' then effective_at end) as complained_at,
        max(case when status = 'bounced' then effective_at end) as bounced_at,
        max(case when status = 'reinstated' then effective_at end) as reinstated_at
    from said_of_mailboxes
    group by mailbox
),

standing as (
    select
        coalesce(refused.mailbox, granted.mailbox) as mailbox,
        granted.effective_at as granted_at,
        refused.withdrawn_at,
        case when refused.reinstated_at >= refused.complained_at then null else refused.complained_at end
            as complained_at,
        case when refused.reinstated_at >= refused.bounced_at then null else refused.bounced_at end as bounced_at
    from refused
    full outer join granted on refused.mailbox = granted.mailbox
),

decisions as (
    select
        mailbox,
        case
            when complained_at is not null then 'complained'
            when bounced_at is not null then 'bounced'
            when withdrawn_at is not null and (granted_at is null or granted_at <= withdrawn_at) then 'withdrawn'
            when granted_at is not null then 'granted'
        end as status,
        granted_at,
        withdrawn_at,
        complained_at,
        bounced_at
    from standing
)

select
    mailbox,
    status,
    case status
        when 'complained' then complained_at
        when 'bounced' then bounced_at
        when 'withdrawn' then withdrawn_at
        else granted_at
    end as changed_at
from decisions
where status is not null
