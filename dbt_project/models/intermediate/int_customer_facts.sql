select
    customer_id,
    {{ history_columns() | join(', ') }},
    -- One column to compare instead of all: dbt writes the comparison out many times.
    md5(concat_ws(
        '|'
        {%- for column in history_columns() %},
        coalesce(cast({{ column }} as string), '~')
        {%- endfor %}
    )) as facts_hash
from {{ ref('dim_customers') }}
