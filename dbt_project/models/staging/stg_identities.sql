select
    identifier_type,
    identifier,
    customer_id
from {{ source('silver', 'identities') }}
