select
    redemption_id,
    reference_type,
    customer_reference,
    coupon_id,
    campaign_id,
    redeemed_at
from {{ source('silver', 'redemptions') }}
where not _is_deleted
