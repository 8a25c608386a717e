-- A refusal counts to the last moment that its time can mean, a grant from the first. A withdrawal stays in force also
-- when a later dump leaves it out; a grant does not. A grant of tomorrow is no grant: it would outrank every withdrawal
-- until then. (A day is left for clocks and time zones.)
select
    reference_type,
    channel,
    purpose,
    status,
    changed_at,
    customer_reference,
    case when status in ('granted', 'reinstated') then changed_at else changed_until end as effective_at
from {{ source('silver', 'consents') }}
where status <> 'granted' or (not _is_deleted and changed_at <= _ingested_at + interval 1 day)
