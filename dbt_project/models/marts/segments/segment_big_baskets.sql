with shoppers as (
    select
        customer_id,
        ntile(10) over (order by average_order_value desc, customer_id asc) as basket_decile
    from {{ ref('dim_customers') }}
    where count_orders >= 3
)

select
    customer_id,
    cast(null as string) as detail
from shoppers
where basket_decile = 1
