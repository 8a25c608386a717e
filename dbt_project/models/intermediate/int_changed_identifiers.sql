-- The people to recompute, by the references that rows of silver carry. A guest is one by the receipt.
with identities as (select * from {{ ref('int_identities') }}),

changed as (select * from {{ ref('int_customers_changed') }})

select
    identities.identifier_type as reference_type,
    identities.identifier as customer_reference,
    identities.customer_id
from identities
left semi join changed on identities.customer_id = changed.customer_id
union all
select
    'guest' as reference_type,
    substring(customer_id, 7) as customer_reference,
    customer_id
from changed
where customer_id like 'guest:%'
