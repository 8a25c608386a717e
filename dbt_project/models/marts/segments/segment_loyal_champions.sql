select
    customer_id,
    cast(null as string) as detail
from {{ ref('dim_customers') }}
where rfm_segment = 'champions'
