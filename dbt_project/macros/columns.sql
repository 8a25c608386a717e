{#-
  Columns of a relation. Sail knows a table that was registered by location without its columns, so they are taken
  from a temporary view over it, which has them on both engines.
-#}
{% macro spark__get_columns_in_relation_raw(relation) -%}
    {%- set described = run_query('describe extended ' ~ relation) -%}
    {%- if not described.rows or described.rows[0][0] -%}
        {{ return(described) }}
    {%- endif -%}
    {%- set view = 'columns_of_' ~ relation.identifier -%}
    {%- do run_query('create or replace temporary view ' ~ view ~ ' as select * from ' ~ relation) -%}
    {{ return(run_query('describe extended ' ~ view)) }}
{%- endmacro %}
