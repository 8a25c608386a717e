{#- Completed days (24 hours each) from one timestamp to a later one: 47 hours are 1 day. -#}
{% macro whole_days(start_at, end_at) -%}
    cast(floor((unix_timestamp({{ end_at }}) - unix_timestamp({{ start_at }})) / 86400) as int)
{%- endmacro %}

{#- Division in doubles, rounded: the engines differ in the scale of a decimal quotient. Null when the divisor is 0. -#}
{% macro ratio(numerator, denominator, digits=4) -%}
    round(cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0), {{ digits }})
{%- endmacro %}
