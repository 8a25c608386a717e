{#- Completed days (24 hours each) from one timestamp to a later one: 47 hours are 1 day. -#}
{% macro whole_days(start_at, end_at) -%}
    cast(floor((unix_timestamp({{ end_at }}) - unix_timestamp({{ start_at }})) / 86400) as int)
{%- endmacro %}
