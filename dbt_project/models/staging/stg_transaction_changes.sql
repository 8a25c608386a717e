-- Deleted lines included: the customer who loses a line must be recomputed too.
select
    transaction_id,
    line_number,
    product_id,
    _updated_at,
    case when customer_reference is null then 'guest' else reference_type end as reference_type,
    coalesce(customer_reference, transaction_id) as customer_reference
from {{ source('silver', 'transactions') }}
