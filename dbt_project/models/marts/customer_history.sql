select
    customer_id,
    {%- for column in history_columns() %}
    {{ column }},
    {%- endfor %}
    valid_from,
    valid_to,
    valid_to is null as is_current
from {{ ref('customer_versions') }}
