{#-
  Tables are at <lake root>/gold/<model>. The root is read while a model runs rather than configured as location_root: a
  parsed project then serves every home, and an unset root stops the model instead of writing to /gold.
-#}
{% macro spark__location_clause() -%}
    {%- set lake_root = env_var('LAKEHOUSE_LAKE_ROOT', '') -%}
    {%- if not lake_root -%}
        {{ exceptions.raise_compiler_error(
            "LAKEHOUSE_LAKE_ROOT is not set. Set it to the folder or s3:// prefix that holds the layers of the lake."
        ) }}
    {%- endif -%}
    location '{{ lake_root }}/gold/{{ model['alias'] }}'
{%- endmacro %}
