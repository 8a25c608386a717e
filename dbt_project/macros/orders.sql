{#- The sums of the lines of an order, from rows of stg_transactions. -#}
{% macro order_sums() -%}
        count(*) as count_lines,
        count(case when not is_return then 1 end) as count_lines_bought,
        count(case when is_return then 1 end) as count_lines_returned,
        sum(quantity) as quantity,
        sum(net_amount) as net_amount,
        sum(case when not is_return then net_amount else 0 end) as bought_amount,
        sum(discount_amount) as discount_amount
{%- endmacro %}

{#- Whether something was bought, and not all of it was returned with the same receipt: an order, no return and no
    cancellation. -#}
{% macro is_bought() -%}
    (count_lines_bought > 0 and (count_lines_returned = 0 or net_amount > 0))
{%- endmacro %}
