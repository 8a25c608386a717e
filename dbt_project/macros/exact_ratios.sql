{#-
  Division in whole numbers, rounded half up, because the engines differ in how they round doubles, and in the scale of
  a decimal quotient. Null when the divisor is 0.
-#}

{#- Average of an amount with two decimals, in cents; a negative one is rounded away from zero. -#}
{% macro average_amount(amount, count) -%}
    cast(
        cast(
            case when {{ amount }} < 0 then -1 else 1 end
            * ((2 * cast(abs({{ amount }}) * 100 as bigint) + {{ count }}) div (2 * nullif({{ count }}, 0)))
            as decimal(18, 0)
        ) * cast('0.01' as decimal(3, 2)) as decimal(18, 2)
    )
{%- endmacro %}

{#-
  Share (0 to 1, double) with four digits of a part in a whole. `units`: how many of the smallest parts 1 has, e.g. 100
  for cents. Beyond 400,000,000,000,000 of them, doubles have to do.
-#}
{% macro share(part, whole, units=1) -%}
    {%- set most = 400000000000000 // units -%}
    case
        when {{ whole }} < {{ most }}
            then cast(
                (20000 * {{ _in_units(part, most, units) }} + {{ _in_units(whole, most, units) }})
                div (2 * nullif({{ _in_units(whole, most, units) }}, 0)) as double
            ) / 10000
        else round(cast({{ part }} as double) / cast({{ whole }} as double), 4)
    end
{%- endmacro %}

{% macro _in_units(amount, most, units) -%}
    cast(least({{ amount }}, {{ most }}) * {{ units }} as bigint)
{%- endmacro %}
