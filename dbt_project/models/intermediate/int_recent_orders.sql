with orders as (select * from {{ ref('fct_orders') }})

select
    {%- for days in [30, 90, 365] %}
    count(case when orders.ordered_at >= {{ as_of_literal() }} - interval {{ days }} days then 1 end) as count_orders_{{ days }}d,
    cast(sum(case when orders.ordered_at >= {{ as_of_literal() }} - interval {{ days }} days then orders.net_amount else 0 end) as decimal(18, 2)) as spend_{{ days }}d,
    {%- endfor %}
    orders.customer_id
from orders
where orders.ordered_at < {{ as_of_literal() }} and orders.ordered_at >= {{ as_of_literal() }} - interval 365 days
group by orders.customer_id
