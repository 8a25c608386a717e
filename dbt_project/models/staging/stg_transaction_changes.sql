-- Deleted lines included: the customer who loses a line must be recomputed too.
select
    transaction_id,
    line_number,
    reference_type,
    customer_reference,
    product_id,
    _updated_at
from {{ source('silver', 'transactions') }}
