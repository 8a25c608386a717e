select
    customer_id,
    cast(null as string) as detail
from {{ ref('dim_customers') }}
where count_orders = 0 and count_returns = 0
