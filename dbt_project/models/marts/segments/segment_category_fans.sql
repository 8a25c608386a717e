select
    customer_id,
    top_category_1 as detail
from {{ ref('dim_customers') }}
where
    count_orders >= 5
    and top_category_1_share >= 0.2D
    and top_category_1 <> 'UNKNOWN'
