-- Deleted rows included: the customer who loses a row must be recomputed too.
select
    'campaign_members' as dataset,
    reference_type,
    customer_reference,
    _updated_at
from {{ source('silver', 'campaign_members') }}
union all
select
    'redemptions' as dataset,
    reference_type,
    customer_reference,
    _updated_at
from {{ source('silver', 'redemptions') }}
