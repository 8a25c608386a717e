-- depends_on: {{ ref('int_customers_changed') }}
with orders as (select * from {{ ref('fct_orders') }}),

changed as (select * from {{ ref('int_customers_changed') }}),

as_of_moment as (select * from {{ ref('int_as_of') }})

select orders.*
from orders
cross join as_of_moment
left semi join changed on orders.customer_id = changed.customer_id
where orders.ordered_at < as_of_moment.as_of
