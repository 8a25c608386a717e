-- Deleted rows included: who bought a product or received a campaign that vanished must be recomputed too.
select
    'products' as dataset,
    product_id as reference_key,
    _updated_at
from {{ source('silver', 'products') }}
union all
select
    'campaigns' as dataset,
    campaign_id as reference_key,
    _updated_at
from {{ source('silver', 'campaigns') }}
