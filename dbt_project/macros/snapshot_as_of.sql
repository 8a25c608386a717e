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
