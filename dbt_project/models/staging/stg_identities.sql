select
    identifier_type,
    identifier,
    customer_id,
    rule
from {{ source('silver', 'identities') }}
