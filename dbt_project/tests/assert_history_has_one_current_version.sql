-- Every customer has exactly one current version, and nobody else has one.
select
    customers.customer_id,
    history.customer_id as customer_id_of_history
from {{ ref('dim_customers') }} as customers
full outer join (select * from {{ ref('customer_history') }} where is_current) as history
    on customers.customer_id = history.customer_id
group by customers.customer_id, history.customer_id
having count(*) > 1 or customers.customer_id is null or history.customer_id is null
