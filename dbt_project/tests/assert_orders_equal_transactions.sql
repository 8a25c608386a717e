-- The money and the lines of all orders are the money and the lines of silver, to the cent.
with lines as (
    select
        count(*) as count_lines,
        coalesce(sum(net_amount), 0) as net_amount,
        coalesce(sum(discount_amount), 0) as discount_amount
    from {{ ref('stg_transactions') }}
),

orders as (
    select
        coalesce(sum(count_lines), 0) as count_lines,
        coalesce(sum(net_amount), 0) as net_amount,
        coalesce(sum(discount_amount), 0) as discount_amount
    from {{ ref('fct_orders') }}
)

select
    lines.count_lines,
    orders.count_lines as count_lines_of_orders,
    lines.net_amount,
    orders.net_amount as net_amount_of_orders
from lines
cross join orders
where
    lines.count_lines <> orders.count_lines
    or lines.net_amount <> orders.net_amount
    or lines.discount_amount <> orders.discount_amount
