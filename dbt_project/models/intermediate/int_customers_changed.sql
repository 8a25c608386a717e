-- depends_on: {{ ref('int_run_inputs') }}
-- depends_on: {{ ref('stg_transactions') }}
{{ config(materialized='table') }}

{%- if recomputes_all() %}

-- Also customers that only tables of an unfinished build know, so that their rows go. A guest, who has one receipt, is
-- in this table under its id.
select customer_id
from {{ ref('int_identities') }}
union
select concat('guest:', transaction_id) as customer_id
from {{ ref('stg_transactions') }}
where is_guest
{%- for table, key in tables_to_clear() %}
union
select {{ key }} as customer_id
from {{ table }}
{%- endfor %}

{%- else %}

{%- set seen = seen_through() %}

with identities as (select * from {{ ref('int_identities') }}),

identities_seen as (select * from {{ previous_table('int_identities_seen') }}),

orders_seen as (select * from {{ previous_table('fct_orders') }}),

line_changes as (select * from {{ ref('stg_transaction_changes') }}),

recipient_changes as (select * from {{ ref('stg_recipient_changes') }}),

reference_changes as (select * from {{ ref('stg_reference_changes') }}),

members as (select * from {{ ref('stg_campaign_members') }}),

-- By time alone: files and row groups without news are skipped.
changed_lines as (
    select
        transaction_id,
        reference_type,
        customer_reference
    from line_changes
    where _updated_at > {{ seen.transactions_through }}
),

lines_of_changed_products as (
    select
        line_changes.reference_type,
        line_changes.customer_reference
    from line_changes
    left semi join reference_changes
        on
            line_changes.product_id = reference_changes.reference_key
            and reference_changes.dataset = 'products'
            and reference_changes._updated_at > {{ seen.products_through }}
),

changed_references as (
    select
        reference_type,
        customer_reference
    from changed_lines
    union
    select
        reference_type,
        customer_reference
    from lines_of_changed_products
    union
    select
        reference_type,
        customer_reference
    from recipient_changes
    where
        (dataset = 'campaign_members' and _updated_at > {{ seen.campaign_members_through }})
        or (dataset = 'redemptions' and _updated_at > {{ seen.redemptions_through }})
    union
    select
        members.reference_type,
        members.customer_reference
    from members
    left semi join reference_changes
        on
            members.campaign_id = reference_changes.reference_key
            and reference_changes.dataset = 'campaigns'
            and reference_changes._updated_at > {{ seen.campaigns_through }}
),

moved_identifiers as (
    select
        identities.customer_id,
        identities_seen.customer_id as former_customer_id
    from identities
    full outer join identities_seen
        on
            identities.identifier_type = identities_seen.identifier_type
            and identities.identifier = identities_seen.identifier
    where coalesce(identities.customer_id, '') <> coalesce(identities_seen.customer_id, '')
),

changed_customers as (
    select identities.customer_id
    from identities
    left semi join changed_references
        on
            identities.identifier_type = changed_references.reference_type
            and identities.identifier = changed_references.customer_reference
    union
    select customer_id
    from moved_identifiers
    union
    select former_customer_id as customer_id
    from moved_identifiers
    union
    select concat('guest:', transaction_id) as customer_id
    from changed_lines
    where reference_type = 'guest'
    union
    -- Whose order it was before a correction gave it to somebody else, or deleted it. A product that changes gives no
    -- order away.
    select orders_seen.buyer_id as customer_id
    from orders_seen
    left semi join changed_lines on orders_seen.transaction_id = changed_lines.transaction_id
    union
    -- Orders with lines that the as-of moment has passed, in either direction.
    select customer_id
    from orders_seen
    where
        last_line_at >= least({{ as_of_literal() }}, {{ seen.as_of }})
        and ordered_at < greatest({{ as_of_literal() }}, {{ seen.as_of }})
)

select customer_id
from changed_customers
where customer_id is not null

{%- endif %}
