select
    customer_id,
    cast(null as string) as detail
from {{ ref('dim_customers') }}
where
    monetary_score >= 4
    and recency_days >= {{ var('lapsing_after_days') }}
    and recency_days < {{ var('lost_after_days') }}
