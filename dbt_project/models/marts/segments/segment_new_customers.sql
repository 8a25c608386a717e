select
    customer_id,
    cast(null as string) as detail
from {{ ref('dim_customers') }}
where first_order_at > as_of - interval {{ var('new_customer_days') }} days
