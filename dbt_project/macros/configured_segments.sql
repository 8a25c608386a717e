{#-
  Names of the segments that the configuration adds: conditions of segments.yml, and models in its folder segments/.
  None here; the project that dbt works with has this file written anew (lakehouse/gold/segment_models.py).
-#}
{% macro configured_segments() -%}
    {{ return([]) }}
{%- endmacro %}
