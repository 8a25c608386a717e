select
    customer_id,
    cast(null as string) as detail
from {{ ref('dim_customers') }}
where {{ whole_days('first_order_at', 'as_of') }} < {{ var('new_customer_days') }}
