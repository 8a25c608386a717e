{#-
  Names of the segments that the configuration adds: conditions of segments.yml, and models in its folder segments/.
  None are listed here. `lakehouse/gold/segment_models.py` writes this file anew in the copy of the project that dbt
  parses.
-#}
{% macro configured_segments() -%}
    {{ return([]) }}
{%- endmacro %}
