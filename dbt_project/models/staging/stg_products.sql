select
    product_id,
    name,
    department,
    category,
    brand,
    manufacturer_id,
    package_size
from {{ source('silver', 'products') }}
where not _is_deleted
