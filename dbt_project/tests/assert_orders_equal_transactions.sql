-- The money and the lines of all orders are the money and the lines of silver, to the cent. An order with parts of
-- cents is rounded once.
with lines as (
    select
        count(*) as count_lines,
        coalesce(sum(net_amount), 0) as net_amount,
        coalesce(sum(discount_amount), 0) as discount_amount,
        count(case when net_amount <> cast(net_amount as decimal(18, 2)) then 1 end) * 0.005 as net_rounded,
        count(case when discount_amount <> cast(discount_amount as decimal(18, 2)) then 1 end) * 0.005
            as discount_rounded
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
    or abs(lines.net_amount - orders.net_amount) > lines.net_rounded
    or abs(lines.discount_amount - orders.discount_amount) > lines.discount_rounded
