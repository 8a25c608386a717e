-- A return is a line with a negative amount or a negative quantity: what of the two is positive is taken for unsigned.
-- Its discount was given back with it, and is none. A line without a customer is a guest's, known by the receipt. (A
-- minus before a decimal loses its precision in Sail 0.7.2, so amounts are subtracted from 0.)
select
    transaction_id,
    line_number,
    product_id,
    currency,
    store_id,
    occurred_at,
    customer_reference is null as is_guest,
    case when customer_reference is null then 'guest' else reference_type end as reference_type,
    coalesce(customer_reference, transaction_id) as customer_reference,
    quantity < 0 or net_amount < 0 as is_return,
    case
        when quantity < 0 or net_amount < 0 then cast(0 - abs(quantity) as decimal(14, 3))
        else quantity
    end as quantity,
    case when quantity < 0 then cast(0 - abs(net_amount) as decimal(18, 6)) else net_amount end as net_amount,
    case
        when quantity < 0 or net_amount < 0 or discount_amount is null then cast(0 as decimal(18, 6))
        else discount_amount
    end as discount_amount
from {{ source('silver', 'transactions') }}
where not _is_deleted
