{{ config(materialized='table') }}

-- Whoever can be recognised in a rejected row that may be a refusal is held back with all addresses, as are contacts
-- whose newest row was rejected and says that their address is an old one.
with holds as (select * from {{ ref('stg_mail_holds') }}),

owners as (select * from {{ ref('int_reference_owners') }}),

mailboxes as (select * from {{ ref('int_mailboxes') }}),

held_customers as (
    select distinct
        owners.customer_id,
        holds.reason,
        holds.held_since_at
    from holds
    inner join owners on holds.identifier_type = owners.reference_type and holds.identifier = owners.customer_reference
    where holds.reason = 'possible_refusal'
),

held_mailboxes as (
    select
        mailboxes.mailbox,
        held_customers.reason,
        held_customers.held_since_at
    from mailboxes
    inner join held_customers on mailboxes.customer_id = held_customers.customer_id
    union all
    select
        mailboxes.mailbox,
        holds.reason,
        holds.held_since_at
    from mailboxes
    inner join holds
        on mailboxes.reference_type = holds.identifier_type and mailboxes.customer_reference = holds.identifier
    union all
    select
        identifier as mailbox,
        reason,
        held_since_at
    from holds
    where identifier_type = 'email'
)

select
    mailbox,
    min(reason) as reason,
    min(held_since_at) as held_since_at
from held_mailboxes
group by mailbox
