-- Counts and spend of all profiles are those of all orders before the as-of moment.
with profiles as (
    select
        sum(count_orders) as count_orders,
        sum(total_spend) as total_spend,
        max(as_of) as as_of
    from {{ ref('dim_customers') }}
),

orders as (
    select
        orders.ordered_at,
        orders.net_amount
    from {{ ref('fct_orders') }} as orders
    cross join profiles
    where orders.ordered_at < profiles.as_of
),

totals as (
    select
        count(*) as count_orders,
        coalesce(sum(net_amount), 0) as total_spend
    from orders
)

select
    profiles.count_orders,
    totals.count_orders as count_orders_of_facts,
    profiles.total_spend,
    totals.total_spend as total_spend_of_facts
from profiles
cross join totals
where profiles.count_orders <> totals.count_orders or profiles.total_spend <> totals.total_spend
