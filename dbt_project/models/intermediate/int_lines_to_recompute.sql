-- depends_on: {{ ref('int_changed_lines_cache') }}
{%- if lines_are_cached() %}

select * from {{ ref('int_changed_lines_cache') }}

{%- else %}

-- Before lines are joined to anything: a semi join keeps the estimate of its size, so the engine still builds its hash
-- tables on the small side in the joins that follow.
with lines as (select * from {{ ref('stg_transactions') }}),

people as (select * from {{ ref('int_changed_identifiers') }})

select lines.*
from lines
left semi join people
    on lines.reference_type = people.reference_type and lines.customer_reference = people.customer_reference

{%- endif %}
