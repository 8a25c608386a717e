-- Who is equal to somebody in the tenth is in it too.
with shoppers as (
    select
        customer_id,
        rank() over (partition by currency order by average_order_value desc) - 1 as count_bigger,
        count(*) over (partition by currency) as count_shoppers
    from {{ ref('dim_customers') }}
    where count_orders >= 3 and average_order_value is not null
)

select
    customer_id,
    cast(null as string) as detail
from shoppers
where count_bigger * 10 < count_shoppers
