{#-
  Incremental models here recompute the customers in int_customers_changed, keep the rows of all others, and write the whole
  table in one commit. The customers of an increment are spread over all files, so a MERGE would write every file anew as
  well, and reads its source and its target several times on the way. When nobody changed, nothing is written.
-#}
{% macro get_insert_overwrite_sql(source_relation, target_relation, existing_relation) %}
    {%- set changed = previous_table('int_customers_changed') -%}
    {%- if run_query('select count(*) from ' ~ changed).rows[0][0] == 0 -%}
        select 0 as count_customers_changed
    {%- else -%}
        {%- set columns = adapter.get_columns_in_relation(target_relation) | map(attribute='quoted') | join(', ') -%}
        insert overwrite table {{ target_relation }}
        select {{ columns }} from {{ source_relation }}
    {%- endif -%}
{% endmacro %}
