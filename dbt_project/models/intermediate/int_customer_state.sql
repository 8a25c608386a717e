-- depends_on: {{ ref('int_customers_changed') }}
-- depends_on: {{ ref('fct_orders') }}
{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='customer_id',
    pre_hook="{{ require_all_customers(ref('int_run_inputs')) }}"
) }}

with totals as (select * from {{ ref('int_purchase_totals') }}),

habits as (select * from {{ ref('int_purchase_habits') }}),

affinity as (select * from {{ ref('int_category_affinity') }})

select
    totals.customer_id,
    totals.count_orders,
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
from totals
inner join habits on totals.customer_id = habits.customer_id
left join affinity on totals.customer_id = affinity.customer_id
