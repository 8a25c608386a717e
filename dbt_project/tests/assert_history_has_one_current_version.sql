-- Every customer has exactly one current version, and nobody else has one.
with versions as (
    select customer_id
    from {{ ref('customer_history') }}
    where is_current
)

select
    customers.customer_id,
    versions.customer_id as customer_id_of_version
from {{ ref('dim_customers') }} as customers
full outer join versions on customers.customer_id = versions.customer_id
group by customers.customer_id, versions.customer_id
having count(*) > 1 or customers.customer_id is null or versions.customer_id is null
