with states as (select * from {{ ref('int_customer_state') }}),

orders as (select * from {{ ref('int_orders_so_far') }}),

with_several_currencies as (
    select customer_id from states
    where currency is null
)

select
    customer_id,
    currency,
    total_spend
from states
where currency is not null
union all
select
    orders.customer_id,
    orders.currency,
    cast(sum(orders.net_amount) as decimal(18, 2)) as total_spend
from orders
left semi join with_several_currencies on orders.customer_id = with_several_currencies.customer_id
group by orders.customer_id, orders.currency
