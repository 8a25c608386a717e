select
    identifier_type,
    identifier,
    customer_id,
    rule,
    first_seen_at
from {{ source('silver', 'identities') }}
