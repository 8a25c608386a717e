-- depends_on: {{ ref('stg_identities') }}
-- Taken before anything else reads silver: a row that arrives meanwhile is worked on now and again by the next run,
-- never missed.
{{ config(materialized='table') }}

with transaction_changes as (select * from {{ ref('stg_transaction_changes') }}),

recipient_changes as (select * from {{ ref('stg_recipient_changes') }}),

reference_changes as (select * from {{ ref('stg_reference_changes') }}),

newest_changes as (
    select
        'transactions' as dataset,
        max(_updated_at) as changed_at
    from transaction_changes
    union all
    select
        dataset,
        max(_updated_at) as changed_at
    from recipient_changes
    group by dataset
    union all
    select
        dataset,
        max(_updated_at) as changed_at
    from reference_changes
    group by dataset
)

select
    {{ as_of_literal() }} as as_of,
    {%- for dataset in ['transactions', 'campaign_members', 'redemptions', 'products', 'campaigns'] %}
    coalesce(
        max(case when newest_changes.dataset = '{{ dataset }}' then newest_changes.changed_at end),
        timestamp '1970-01-01 00:00:00'
    ) as {{ dataset }}_through,
    {%- endfor %}
    '{{ invocation_id }}' as build_id,
    {{ must_recompute_all() | string | lower }} as is_full
from newest_changes
