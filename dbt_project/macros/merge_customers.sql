{#-
  The `merge` of incremental models: the rows of the customers in int_customers_changed, by the model's unique_key, are
  replaced by those of the model, the rows of all others stay, in one commit. An overwrite, because the customers of an increment are spread over
  all files: a MERGE would rewrite every file as well, and reads its source and its target several times on the way.
  A table with partitions has only those overwritten in which a row differs. When nobody changed, nothing is written.
-#}
{% macro spark__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) %}
    {%- set changed = previous_table('int_customers_changed') -%}
    {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='name') | join(', ') -%}
    {%- set partition = config.get('partition_by') -%}
    {%- set partitions = none -%}
    {%- if partition and lines_are_cached() -%}
        {%- set partitions = partitions_that_differ(target, source, columns, partition, unique_key) -%}
    {%- endif -%}
    {%- if partitions == [] or run_query('select count(*) from ' ~ changed).rows[0][0] == 0 -%}
        select 0 as count_customers_changed
    {%- else -%}
        {%- set condition = partition ~ ' in (' ~ partitions | join(', ') ~ ')' if partitions else 'true' -%}
        {%- if partitions %}
        insert into table {{ target }} replace where {{ condition }}
        {%- else %}
        insert overwrite table {{ target }}
        {%- endif %}
        select {{ columns }}
        from {{ source }}
        where {{ condition }}
        union all
        select {{ columns }}
        from {{ target }} as existing
        left anti join {{ changed }} as changed on existing.{{ unique_key }} = changed.customer_id
        where {{ condition }}
    {%- endif -%}
{% endmacro %}

{#-
  The partitions, as literals, in which the changed customers have other rows than before: rows of both sides that are
  alike cancel out.
-#}
{% macro partitions_that_differ(target, source, columns, partition, unique_key) -%}
    {%- set found = run_query(
        'select distinct cast(' ~ partition ~ ' as string) from ('
        ~ ' select ' ~ columns ~ ' from ('
        ~ ' select ' ~ columns ~ ', 1 as side from ' ~ source
        ~ ' union all select ' ~ columns ~ ', -1 as side from ' ~ target
        ~ ' where ' ~ unique_key ~ ' in (select customer_id from ' ~ previous_table('int_customers_changed') ~ ')'
        ~ ') as rows_of_both group by ' ~ columns ~ ' having sum(side) <> 0) as rows_that_differ'
    ) -%}
    {%- set literals = [] -%}
    {%- for row in found.rows -%}
        {%- do literals.append("date '" ~ row[0] ~ "'") -%}
    {%- endfor -%}
    {{ return(literals) }}
{%- endmacro %}
