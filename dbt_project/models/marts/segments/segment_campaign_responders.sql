select
    customer_id,
    cast(null as string) as detail
from {{ ref('dim_customers') }}
where
    count_campaigns_received >= 2
    and campaign_response_rate >= 0.5D
