-- A withdrawal stays in force also when a later dump leaves it out; a grant does not.
select
    reference_type,
    channel,
    purpose,
    status,
    changed_at,
    case when reference_type = 'email' then lower(trim(customer_reference)) else customer_reference end as customer_reference
from {{ source('silver', 'consents') }}
where not _is_deleted or status <> 'granted'
