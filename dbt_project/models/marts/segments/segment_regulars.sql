select
    customer_id,
    cast(null as string) as detail
from {{ ref('dim_customers') }}
where
    count_orders_30d >= 4
    and count_orders_90d >= 12
