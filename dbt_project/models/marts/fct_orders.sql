-- depends_on: {{ ref('int_customers_changed') }}
-- Partitioned by month: news is mostly of the newest, so an increment leaves the files of the others alone.
{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='customer_id',
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
        min(occurred_at) as ordered_at,
        min(store_id) as store_id,
        count(*) as count_lines,
        sum(quantity) as quantity,
        sum(net_amount) as net_amount,
        sum(discount_amount) as discount_amount,
        min(currency) as currency
    from lines
    group by transaction_id, reference_type, customer_reference
),

orders as (
    select
        receipts.transaction_id,
        people.customer_id,
        min(receipts.ordered_at) as ordered_at,
        cast(min(receipts.ordered_at) as date) as order_date,
        cast(date_trunc('month', min(receipts.ordered_at)) as date) as order_month,
        min(receipts.store_id) as store_id,
        cast(sum(receipts.count_lines) as int) as count_lines,
        cast(sum(receipts.quantity) as decimal(18, 3)) as quantity,
        cast(sum(receipts.net_amount) as decimal(18, 2)) as net_amount,
        cast(coalesce(sum(receipts.discount_amount), 0) as decimal(18, 2)) as discount_amount,
        min(receipts.currency) as currency
    from receipts
    inner join people
        on receipts.reference_type = people.reference_type and receipts.customer_reference = people.customer_reference
    group by receipts.transaction_id, people.customer_id
)

select * from orders
