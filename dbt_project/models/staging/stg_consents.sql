-- A withdrawal stays in force also when a later dump leaves it out; a grant does not. A grant of tomorrow is no grant: it would
-- outrank every withdrawal until then. (A day is left for clocks and time zones.)
select
    reference_type,
    channel,
    purpose,
    status,
    changed_at,
    case when reference_type = 'email' then lower(trim(customer_reference)) else customer_reference end as customer_reference
from {{ source('silver', 'consents') }}
where status <> 'granted' or (not _is_deleted and changed_at <= _ingested_at + interval 1 day)
