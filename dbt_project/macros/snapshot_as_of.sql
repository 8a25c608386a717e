{#- Versions of a snapshot begin and end at the as-of moment of the run that found the change, not when that run happened. -#}
{% macro spark__snapshot_get_time() -%}
    {{ as_of_literal() }}
{%- endmacro %}

{#-
  dbt's `check` strategy, except for the id of a version: with the as-of moment as its time, two runs as of the same moment
  would give two versions of a customer one id, and the second would be lost. The wall clock tells them apart.
-#}
{% macro snapshot_as_of_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
    {%- set strategy = snapshot_check_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) -%}
    {%- do strategy.update({'scd_id': snapshot_hash_arguments([strategy.unique_key, strategy.updated_at, 'current_timestamp()'])}) -%}
    {{ return(strategy) }}
{% endmacro %}

{#-
  Writes the changed versions by one overwrite instead of dbt-spark's MERGE, which reads the comparison and the table
  several times on Sail; and writes nothing when nothing changed.
-#}
{% macro spark__snapshot_merge_sql(target, source, insert_cols) -%}
    {%- if run_query('select count(*) from ' ~ source).rows[0][0] == 0 -%}
        select 0 as count_versions_changed
    {%- else -%}
        {%- set names = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
        {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='name') | list -%}
        insert overwrite table {{ target }}
        select
            {%- for column in columns %}
            {% if column == names.dbt_valid_to -%}
                coalesce(ended.{{ column }}, versions.{{ column }}) as {{ column }}
            {%- else -%}
                versions.{{ column }}
            {%- endif -%}
            {{ ',' if not loop.last }}
            {%- endfor %}
        from {{ target }} as versions
        left join {{ source }} as ended
            on
                versions.{{ names.dbt_scd_id }} = ended.{{ names.dbt_scd_id }}
                and versions.{{ names.dbt_valid_to }} is null
                and ended.dbt_change_type in ('update', 'delete')
        union all
        select {{ columns | join(', ') }}
        from {{ source }}
        where dbt_change_type = 'insert'
    {%- endif -%}
{%- endmacro %}
