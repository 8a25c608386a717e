select
    campaign_id,
    name,
    campaign_type,
    starts_at,
    ends_at
from {{ source('silver', 'campaigns') }}
where not _is_deleted
