select
    contact_id,
    identifier_type,
    identifier
from {{ source('silver', 'contact_identifiers') }}
