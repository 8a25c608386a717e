with orders as (select * from {{ ref('int_customer_orders') }})

select
    customer_id,
    min(ordered_at) as first_order_at,
    max(ordered_at) as last_order_at,
    count(*) as count_orders,
    count(case when discount_amount > 0 then 1 end) as count_orders_discounted,
    cast(sum(net_amount) as decimal(18, 2)) as total_spend,
    cast(sum(discount_amount) as decimal(18, 2)) as total_discount,
    case when min(currency) = max(currency) then min(currency) end as currency
from orders
group by customer_id
