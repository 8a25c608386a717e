select
    transaction_id,
    line_number,
    reference_type,
    customer_reference,
    product_id,
    quantity,
    net_amount,
    discount_amount,
    currency,
    store_id,
    occurred_at
from {{ source('silver', 'transactions') }}
where not _is_deleted
