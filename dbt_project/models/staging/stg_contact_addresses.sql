select
    contact_id,
    address
from {{ source('silver', 'contact_addresses') }}
