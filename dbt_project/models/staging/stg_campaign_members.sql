select
    campaign_id,
    reference_type,
    customer_reference
from {{ source('silver', 'campaign_members') }}
where not _is_deleted
