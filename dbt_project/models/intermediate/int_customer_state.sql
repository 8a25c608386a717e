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
    totals.count_returns,
    totals.first_order_at,
    totals.last_order_at,
    totals.total_spend,
    totals.total_discount,
    totals.currency,
    {{ share('totals.total_discount', 'totals.total_list_value', units=100) }} as discount_sensitivity,
    habits.preferred_store_id,
    habits.preferred_weekday,
    {%- for position in [1, 2, 3] %}
    case when totals.currency is not null then affinity.top_category_{{ position }} end as top_category_{{ position }},
    case when totals.currency is not null then affinity.top_category_{{ position }}_share end
        as top_category_{{ position }}_share,
    {%- endfor %}
    habits.preferred_hour
from totals
left join habits on totals.customer_id = habits.customer_id
left join affinity on totals.customer_id = affinity.customer_id
