with orders as (select * from {{ ref('int_orders_so_far') }}),

recent_orders as (
    select
        customer_id,
        net_amount,
        ordered_at,
        is_order,
        {{ as_of_literal() }} as as_of
    from orders
    where ordered_at >= {{ as_of_literal() }} - interval 365 days
)

select
    {%- for days in [30, 90, 365] %}
    count(case when is_order and ordered_at >= as_of - interval {{ days }} days then 1 end) as count_orders_{{ days }}d,
    cast(sum(if(ordered_at >= as_of - interval {{ days }} days, net_amount, 0)) as decimal(18, 2)) as spend_{{ days }}d,
    {%- endfor %}
    customer_id
from recent_orders
group by customer_id
