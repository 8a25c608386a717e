select
    customer_id,
    cast(null as string) as detail
from {{ ref('dim_customers') }}
where
    count_orders >= 2
    and recency_days >= {{ var('lost_after_days') }}
