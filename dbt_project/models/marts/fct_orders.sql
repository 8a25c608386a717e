-- depends_on: {{ ref('int_customers_changed') }}
-- Partitioned by month: news is mostly of the newest, so an increment leaves the files of the others alone. Amounts are
-- added up before they are rounded to cents.
{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='buyer_id',
    partition_by='order_month',
    pre_hook="{{ require_all_customers(ref('int_run_inputs')) }}"
) }}

with lines as (select * from {{ ref('int_lines_to_recompute') }}),

people as (select * from {{ ref('int_changed_identifiers') }}),

-- First by reference, then by customer: nearly every receipt names one reference, so the join sees orders, not lines.
receipts as (
    select
        transaction_id,
        reference_type,
        customer_reference,
        currency,
        min(occurred_at) as ordered_at,
        max(occurred_at) as last_line_at,
        min(store_id) as store_id,
        {{ order_sums() }}
    from lines
    group by transaction_id, reference_type, customer_reference, currency
),

orders as (
    select
        receipts.transaction_id,
        people.customer_id as buyer_id,
        receipts.currency,
        min(receipts.ordered_at) as ordered_at,
        max(receipts.last_line_at) as last_line_at,
        min(receipts.store_id) as store_id,
        cast(sum(receipts.count_lines) as int) as count_lines,
        cast(sum(receipts.count_lines_bought) as int) as count_lines_bought,
        cast(sum(receipts.count_lines_returned) as int) as count_lines_returned,
        {%- for amount in ['net_amount', 'bought_amount', 'discount_amount'] %}
        cast(sum(receipts.{{ amount }}) as decimal(18, 2)) as {{ amount }},
        {%- endfor %}
        cast(sum(receipts.quantity) as decimal(18, 3)) as quantity
    from receipts
    inner join people
        on receipts.reference_type = people.reference_type and receipts.customer_reference = people.customer_reference
    group by receipts.transaction_id, people.customer_id, receipts.currency
),

parts as (
    select
        *,
        cast(row_number() over (
            partition by transaction_id, buyer_id
            order by case when {{ is_bought() }} then 0 else 1 end asc, currency asc
        ) as int) as order_part
    from orders
)

select
    transaction_id,
    case when buyer_id not like 'guest:%' then buyer_id end as customer_id,
    buyer_id,
    currency,
    order_part,
    order_part = 1 and {{ is_bought() }} as is_order,
    ordered_at,
    last_line_at,
    cast(ordered_at as date) as order_date,
    cast(date_trunc('month', ordered_at) as date) as order_month,
    store_id,
    count_lines,
    count_lines_bought,
    count_lines_returned,
    quantity,
    net_amount,
    bought_amount,
    discount_amount
from parts
