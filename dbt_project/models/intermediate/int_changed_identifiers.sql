-- The people to recompute, by the references that rows of silver carry.
with identities as (select * from {{ ref('int_identities') }}),

changed as (select * from {{ ref('int_customers_changed') }})

select
    identities.identifier_type as reference_type,
    identities.identifier as customer_reference,
    identities.customer_id
from identities
left semi join changed on identities.customer_id = changed.customer_id
