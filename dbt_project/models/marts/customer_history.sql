-- Written whole from its own last content: a version that has ended stays as it is, whatever is rebuilt around it. A
-- run that looks back from an earlier moment than a version begins at says nothing about that version.
{{ config(materialized='table') }}
{%- set facts = history_columns() %}
{%- set before = previous_table('customer_history') if execute else none %}
{#- A run as of a moment that had not come is taken back. #}
{%- set latest = '(current_timestamp() + interval 1 day)' %}

with profiles as (select * from {{ ref('dim_customers') }})

{%- if before is not none %}
{%- set kept = adapter.get_columns_in_relation(before) | map(attribute='name') | list %},

versions as (
    select
        customer_id,
        {%- for fact in facts %}
        {{ fact if fact in kept else 'cast(null as ' ~ model.columns[fact].data_type ~ ')' }} as {{ fact }},
        {%- endfor %}
        valid_from,
        case when valid_to <= {{ latest }} then valid_to end as valid_to,
        is_current or valid_to > {{ latest }} as is_current
    from {{ before }}
    where valid_from <= {{ latest }}
),

-- Current versions that still hold, or begin only after the as-of moment.
holding as (
    select versions.customer_id
    from versions
    inner join profiles on versions.customer_id = profiles.customer_id
    where
        versions.is_current
        and (
            versions.valid_from > {{ as_of_literal() }}
            or (
                true
                {%- for fact in facts %}
                and versions.{{ fact }} <=> profiles.{{ fact }}
                {%- endfor %}
            )
        )
),

followed as (
    select
        versions.customer_id,
        {%- for fact in facts %}
        versions.{{ fact }},
        {%- endfor %}
        versions.valid_from,
        case
            when versions.is_current and holding.customer_id is null
                then greatest({{ as_of_literal() }}, versions.valid_from)
            else versions.valid_to
        end as valid_to,
        versions.is_current and holding.customer_id is not null as is_current
    from versions
    left join holding on versions.customer_id = holding.customer_id
),

-- A version that ended when it began never held: the facts changed again while the as-of moment stood still.
kept as (
    select * from followed
    where valid_to is null or valid_to > valid_from
),

known_until as (
    select
        customer_id,
        max(valid_to) as known_until_at
    from kept
    group by customer_id
)

select * from kept

union all

{%- endif %}

select
    profiles.customer_id,
    {%- for fact in facts %}
    profiles.{{ fact }},
    {%- endfor %}
    {% if before is none -%}
    {{ as_of_literal() }} as valid_from,
    {%- else -%}
    greatest({{ as_of_literal() }}, coalesce(known_until.known_until_at, {{ as_of_literal() }})) as valid_from,
    {%- endif %}
    cast(null as timestamp) as valid_to,
    true as is_current
from profiles
{%- if before is not none %}
left join known_until on profiles.customer_id = known_until.customer_id
left anti join holding on profiles.customer_id = holding.customer_id
{%- endif %}
