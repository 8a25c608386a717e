-- depends_on: {{ ref('int_lines_kept_aside') }}
{%- if lines_are_kept_aside() %}

select * from {{ ref('int_lines_kept_aside') }}

{%- else %}

-- Before lines are joined to anything: a semi join keeps the estimate of its size, so the engine still builds its hash tables
-- on the small side in the joins that follow.
with lines as (select * from {{ ref('stg_transactions') }}),

people as (select * from {{ ref('int_references_changed') }})

select lines.*
from lines
left semi join people on lines.reference_type = people.reference_type and lines.customer_reference = people.customer_reference

{%- endif %}
