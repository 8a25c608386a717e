-- Events of people who are known. Crawlers visit nothing.
select
    event_id,
    reference_type,
    customer_reference,
    occurred_at,
    case when event_name = 'Product Viewed' then get_json_object(properties, '$.product_id') end as product_id,
    case when event_name = 'Product Viewed' then get_json_object(properties, '$.category') end as category
from {{ source('silver', 'web_events') }}
where not _is_deleted and customer_reference is not null and not coalesce(is_bot, false)
