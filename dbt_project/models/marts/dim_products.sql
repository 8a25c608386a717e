select
    product_id,
    coalesce(name, 'UNKNOWN') as name,
    coalesce(department, 'UNKNOWN') as department,
    coalesce(category, 'UNKNOWN') as category,
    brand,
    manufacturer_id,
    package_size
from {{ ref('stg_products') }}
