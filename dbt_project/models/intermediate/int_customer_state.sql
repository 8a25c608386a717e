-- depends_on: {{ ref('fct_orders') }}
{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='customer_id',
    meta={'delete_when': 'count_orders = 0'},
    pre_hook="{{ require_all_customers(ref('int_run_inputs')) }}"
) }}

with changed as (select * from {{ ref('int_customers_changed') }}),

totals as (select * from {{ ref('int_purchase_totals') }}),

habits as (select * from {{ ref('int_purchase_habits') }}),

affinity as (select * from {{ ref('int_category_affinity') }})

select
    changed.customer_id,
    -- A customer who lost the last order, or was merged into somebody else, has 0 here and leaves the table.
    coalesce(totals.count_orders, 0) as count_orders,
    totals.count_orders_discounted,
    totals.first_order_at,
    totals.last_order_at,
    totals.total_spend,
    totals.total_discount,
    totals.currency,
    {{ ratio('totals.total_discount', 'totals.total_spend + totals.total_discount') }} as discount_sensitivity,
    habits.preferred_store_id,
    habits.preferred_weekday,
    habits.preferred_hour,
    affinity.top_category_1,
    affinity.top_category_1_share,
    affinity.top_category_2,
    affinity.top_category_2_share,
    affinity.top_category_3,
    affinity.top_category_3_share
from changed
left join totals on changed.customer_id = totals.customer_id
left join habits on changed.customer_id = habits.customer_id
left join affinity on changed.customer_id = affinity.customer_id
{%- if not is_incremental() %}
where totals.count_orders > 0
{%- endif %}
