-- depends_on: {{ ref('int_customers_changed') }}
with orders as (select * from {{ ref('int_orders_so_far') }}),

changed as (select * from {{ ref('int_customers_changed') }})

select orders.*
from orders
left semi join changed on orders.customer_id = changed.customer_id
