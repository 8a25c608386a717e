select
    identifier_type,
    identifier,
    reason,
    held_since_at
from {{ source('silver', 'mail_holds') }}
