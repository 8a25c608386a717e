{#-
  Replaces dbt-spark's MERGE by one that can also delete. A row of the increment for which the model's `meta.delete_when`
  holds (a condition on its columns) removes its key: orders and states vanish when a correction or an identity merge
  moves them, and one commit must show both sides of the move.
-#}
{% macro spark__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) %}
    {%- set keys = [unique_key] if unique_key is string else unique_key -%}
    {%- set delete_when = config.get('meta', {}).get('delete_when') -%}
    merge into {{ target }} as target_rows
    using {{ source }} as source_rows
        on {% for key in keys %}target_rows.{{ key }} = source_rows.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
    {%- if delete_when %}
    when matched and source_rows.{{ delete_when }} then delete
    {%- endif %}
    when matched then update set *
    when not matched{% if delete_when %} and not (source_rows.{{ delete_when }}){% endif %} then insert *
{% endmacro %}
