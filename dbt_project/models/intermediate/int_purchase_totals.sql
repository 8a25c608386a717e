-- Amounts in several currencies have no sum: customer_spend has each of them.
with orders as (select * from {{ ref('int_customer_orders') }}),

totals as (
    select
        customer_id,
        min(case when is_order then ordered_at end) as first_order_at,
        max(case when is_order then ordered_at end) as last_order_at,
        count(case when is_order then 1 end) as count_orders,
        count(case when is_order and discount_amount > 0 then 1 end) as count_orders_discounted,
        count(case when count_lines_returned > 0 then 1 end) as count_returns,
        sum(net_amount) as total_spend,
        sum(case when is_order then discount_amount else 0 end) as total_discount,
        sum(case when is_order then bought_amount + discount_amount else 0 end) as total_list_value,
        case when min(currency) = max(currency) then min(currency) end as currency
    from orders
    group by customer_id
)

select
    customer_id,
    first_order_at,
    last_order_at,
    count_orders,
    count_orders_discounted,
    count_returns,
    {%- for amount in ['total_spend', 'total_discount', 'total_list_value'] %}
    case when currency is not null then cast({{ amount }} as decimal(18, 2)) end as {{ amount }},
    {%- endfor %}
    currency
from totals
