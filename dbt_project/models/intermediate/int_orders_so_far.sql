-- Orders of customers as they were at the as-of moment. Nothing at or after it counts, not even of an order that was
-- begun before: its later lines, if it has any, are taken off.
with orders as (
    select * from {{ ref('fct_orders') }}
    where customer_id is not null and ordered_at < {{ as_of_literal() }}
),

identities as (select * from {{ ref('int_identities') }}),

lines as (
    select * from {{ ref('stg_transactions') }}
    where occurred_at >= {{ as_of_literal() }}
),

going_on as (
    select transaction_id from orders
    where last_line_at >= {{ as_of_literal() }}
),

later as (
    select
        lines.transaction_id,
        identities.customer_id,
        lines.currency,
        {{ order_sums() }}
    from lines
    left semi join going_on on lines.transaction_id = going_on.transaction_id
    inner join identities
        on lines.reference_type = identities.identifier_type and lines.customer_reference = identities.identifier
    group by lines.transaction_id, identities.customer_id, lines.currency
),

so_far as (
    select
        orders.transaction_id,
        orders.customer_id,
        orders.currency,
        orders.ordered_at,
        orders.store_id,
        orders.count_lines_bought - coalesce(later.count_lines_bought, 0) as count_lines_bought,
        orders.count_lines_returned - coalesce(later.count_lines_returned, 0) as count_lines_returned,
        {%- for amount in ['net_amount', 'bought_amount', 'discount_amount'] %}
        cast(orders.{{ amount }} - coalesce(later.{{ amount }}, 0) as decimal(18, 2)) as {{ amount }},
        {%- endfor %}
        orders.order_part
    from orders
    left join later
        on
            orders.transaction_id = later.transaction_id
            and orders.customer_id = later.customer_id
            and orders.currency = later.currency
)

select
    *,
    order_part = 1 and {{ is_bought() }} as is_order
from so_far
